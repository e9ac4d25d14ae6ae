;; Returns 4294967295 bytes at 4294967295.
(module (memory (export "memory") 1)
  (func (export "run") (param i32 i32) (result i64) (i64.const -1)))
