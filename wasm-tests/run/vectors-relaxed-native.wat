;;! features: relaxed-simd-deterministic=n
;;! invoke: f
;; What x86-64 does soonest: no saturation, indices modulo 16 unless the highest bit is set, the highest bit of a lane
;; chooses, the first of two zeros, and bytes of a second operand that is not signed.
(module
  (func (export "f") (result v128 v128 v128 v128 v128 v128 v128)
    (i32x4.relaxed_trunc_f32x4_s (v128.const f32x4 nan 1e10 -1e10 -1.5))
    (i32x4.relaxed_trunc_f64x2_s_zero (v128.const f64x2 nan -2.5))
    (i8x16.relaxed_swizzle
      (v128.const i8x16 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
      (v128.const i8x16 0 1 15 16 17 31 127 -1 0 0 0 0 0 0 0 0))
    (i32x4.relaxed_laneselect
      (v128.const i32x4 -1 -1 -1 -1) (v128.const i32x4 0 0 0 0) (v128.const i32x4 1 0x80000000 0xf0f0f0f0 0))
    (f32x4.relaxed_min (v128.const f32x4 0 -0 1 2) (v128.const f32x4 -0 0 2 1))
    (i16x8.relaxed_q15mulr_s
      (v128.const i16x8 -32768 16384 0 0 0 0 0 0) (v128.const i16x8 -32768 16384 0 0 0 0 0 0))
    (i16x8.relaxed_dot_i8x16_i7x16_s
      (v128.const i8x16 -128 -128 1 2 3 4 0 0 0 0 0 0 0 0 0 0)
      (v128.const i8x16 -1 -1 5 6 7 8 0 0 0 0 0 0 0 0 0 0))))

;; 0xffffffff800000008000000080000000
;; 0x0000000000000000fffffffe80000000
;; 0x01010101010101010010100201100201
;; 0x00000000ffffffffffffffff00000000
;; 0x3f8000003f8000008000000000000000
;; 0x00000000000000000000000020008000
;; 0x00000000000000000000003500118000
