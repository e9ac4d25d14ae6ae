;; Imports its memory, as AssemblyScript can, exports it again, and echoes.
(module (import "env" "memory" (memory 1))
  (export "memory" (memory 0))
  (func (export "run") (param i32 i32) (result i32)
    (i32.or (local.get 0) (i32.shl (local.get 1) (i32.const 16)))))
