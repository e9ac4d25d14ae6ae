(module (memory (export "memory") 1) (table 1 externref)
  (func (export "run") (param i32 i32) (result i32)
    (ref.is_null (table.get 0 (i32.const 0)))))
