;; forbidden.wat - asks for a function that no host gives: it must not even be linked.
(module
  (import "env" "open_file" (func $open (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "run") (param i32 i32) (result i32)
    (call $open (local.get 0) (local.get 1))))
