;; Divides by zero.
(module (memory (export "memory") 1)
  (func (export "run") (param i32 i32) (result i32)
    (i32.div_u (local.get 0) (i32.const 0))))
