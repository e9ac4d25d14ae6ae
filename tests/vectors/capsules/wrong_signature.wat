(module (import "env" "hash_commit" (func (param i64) (result i32)))
  (memory (export "memory") 1)
  (func (export "run") (param i32 i32) (result i32) (i32.const 0)))
