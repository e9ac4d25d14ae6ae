;; Aborts as AssemblyScript does: message in UTF-16, its length before it, and a place.
(module (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 4096) "\06\00\00\00b\00a\00d\00")
  (func (export "run") (param i32 i32) (result i32)
    (call $abort (i32.const 4100) (i32.const 0) (i32.const 7) (i32.const 3))
    (i32.const 0)))
