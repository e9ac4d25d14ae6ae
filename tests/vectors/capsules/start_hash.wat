;; Calls the host from its start function, when nobody has looked up its memory yet.
(module (import "env" "hash_commit" (func $hash (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $begin (drop (call $hash (i32.const 0) (i32.const 0) (i32.const 4096))))
  (start $begin)
  (func (export "run") (param i32 i32) (result i32) (i32.const 0x201000)))
