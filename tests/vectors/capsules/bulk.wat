(module (memory (export "memory") 1)
  (func (export "run") (param i32 i32) (result i32)
    (memory.fill (i32.const 0) (i32.const 1) (i32.const 100)) (i32.const 0)))
