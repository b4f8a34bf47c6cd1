;;! invoke: f
;; Where relaxed operators differ from machine to machine, the results are those of the deterministic profile: NaN
;; becomes 0, what is too large saturates, indices from 16 on give 0, bits choose, and the sum of two products that
;; does not fit 16 bits saturates; a product and a sum are rounded once.
(module
  (func (export "f") (result v128 v128 v128 v128 v128 v128 v128 v128 v128)
    (i32x4.relaxed_trunc_f32x4_s (v128.const f32x4 nan 1e10 -1e10 -1.5))
    (i32x4.relaxed_trunc_f64x2_u_zero (v128.const f64x2 -1 1e10))
    (i8x16.relaxed_swizzle
      (v128.const i8x16 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
      (v128.const i8x16 0 1 15 16 17 31 127 -1 0 0 0 0 0 0 0 0))
    (i32x4.relaxed_laneselect
      (v128.const i32x4 -1 -1 -1 -1) (v128.const i32x4 0 0 0 0) (v128.const i32x4 1 0x80000000 0xf0f0f0f0 0))
    (f32x4.relaxed_min (v128.const f32x4 0 -0 1 2) (v128.const f32x4 -0 0 2 1))
    (i16x8.relaxed_q15mulr_s
      (v128.const i16x8 -32768 16384 0 0 0 0 0 0) (v128.const i16x8 -32768 16384 0 0 0 0 0 0))
    (i32x4.relaxed_dot_i8x16_i7x16_add_s
      (v128.const i8x16 -128 -128 -128 -128 1 2 3 4 -1 -1 -1 -1 0 0 0 0)
      (v128.const i8x16 -128 -128 -128 -128 5 6 7 8 127 127 127 127 0 0 0 0)
      (v128.const i32x4 1 2 3 4))
    (f32x4.relaxed_madd
      (v128.const f32x4 0x1.001p0 2 3 4) (v128.const f32x4 0x1.001p0 2 3 4) (v128.const f32x4 -0x1.002p0 1 1 1))
    (f64x2.relaxed_nmadd
      (v128.const f64x2 0x1.0000001p0 2) (v128.const f64x2 0x1.0000001p0 3) (v128.const f64x2 0x1.0000002p0 1))))

;; 0xffffffff800000007fffffff00000000
;; 0x0000000000000000ffffffff00000000
;; 0x01010101010101010000000000100201
;; 0x00000000f0f0f0f08000000000000001
;; 0x3f8000003f8000008000000080000000
;; 0x00000000000000000000000020007fff
;; 0x00000004fffffe07000000480000ffff
;; 0x418800004120000040a0000033800000
;; 0xc014000000000000bc70000000000000
