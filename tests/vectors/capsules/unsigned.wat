;; Returns 40000 bytes at 20000: as a signed word it would be negative.
(module (memory (export "memory") 1)
  (func (export "run") (param i32 i32) (result i32) (i32.const 0x9c404e20)))
