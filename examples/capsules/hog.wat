;; hog.wat - takes memory, a page at a time, until it gets no more, then gives up.
(module
  (memory (export "memory") 1)
  (func (export "run") (param i32 i32) (result i32)
    (loop $again
      (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    unreachable))
