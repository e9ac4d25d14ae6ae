;; Gives the host a range that begins inside memory and ends outside.
(module (import "env" "hash_commit" (func $hash (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "run") (param i32 i32) (result i32)
    (call $hash (i32.const 65000) (i32.const 1000) (i32.const 0))))
