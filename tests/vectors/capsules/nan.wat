;; 0/0 as bits: x86 sets the sign of such a NaN, other machines do not.
(module (memory (export "memory") 1)
  (func (export "run") (param i32 i32) (result i32)
    (f32.store (i32.const 0)
      (f32.div (f32.convert_i32_u (i32.sub (local.get 1) (local.get 1))) (f32.const 0)))
    (i32.const 0x40000)))
