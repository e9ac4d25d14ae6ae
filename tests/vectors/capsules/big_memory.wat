;; Wants 1000 pages from the start.
(module (memory (export "memory") 1000)
  (func (export "run") (param i32 i32) (result i32) (i32.const 0)))
