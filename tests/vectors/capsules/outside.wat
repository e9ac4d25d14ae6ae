;; Returns 100 bytes at 65500, of a memory that ends at 65536.
(module (memory (export "memory") 1)
  (func (export "run") (param i32 i32) (result i32) (i32.const 0x64ffdc)))
