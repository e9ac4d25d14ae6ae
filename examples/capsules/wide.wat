;; wide.wat - the 64-bit result word: gives its input back, up to a megabyte of it.
(module
  (memory (export "memory") 1)
  (func (export "run") (param $at i32) (param $len i32) (result i64)
    (i64.or
      (i64.extend_i32_u (local.get $at))
      (i64.shl (i64.extend_i32_u (local.get $len)) (i64.const 32)))))
