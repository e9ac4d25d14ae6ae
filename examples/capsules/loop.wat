;; loop.wat - never ends: fuel or the wall clock must stop it.
(module
  (memory (export "memory") 1)
  (func (export "run") (param i32 i32) (result i32)
    (loop $again (br $again))
    (i32.const 0)))
