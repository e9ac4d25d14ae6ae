;; Loops in its start function, before run is called.
(module (memory (export "memory") 1)
  (func $begin (loop $again (br $again)))
  (start $begin)
  (func (export "run") (param i32 i32) (result i32) (i32.const 0)))
