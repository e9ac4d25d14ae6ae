(module (memory (export "memory") 1)
  (func $two (result i32 i32) (i32.const 1) (i32.const 2))
  (func (export "run") (param i32 i32) (result i32) (call $two) (drop)))
