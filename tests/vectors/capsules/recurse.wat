;; Calls itself without end.
(module (memory (export "memory") 1)
  (func $f (export "run") (param i32 i32) (result i32)
    (i32.add (call $f (local.get 0) (local.get 1)) (i32.const 1))))
