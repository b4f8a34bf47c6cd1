;;! invoke: f
;; Ten vectors, an integer and floats travel to a function, through a table and back: eight vectors in registers, the
;; others on the stack, and twelve results through memory.
(module
  (type $many (func
    (param i32 v128 v128 v128 v128 f32 v128 v128 v128 v128 i64 v128 f64 v128)
    (result v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 i64 f64)))
  (table funcref (elem $reverse))
  (global $kept (mut v128) (v128.const i32x4 0 0 0 0))
  (global $seed v128 (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15))

  (func $reverse (type $many)
    (global.set $kept (local.get 13))
    (local.get 13) (local.get 11) (local.get 9) (local.get 8) (local.get 7)
    (local.get 6) (local.get 4) (local.get 3) (local.get 2) (local.get 1)
    (i64.add (local.get 10) (i64.extend_i32_u (local.get 0)))
    (f64.add (local.get 12) (f64.promote_f32 (local.get 5))))

  (func $nth (param i32) (result v128)
    (i8x16.add (global.get $seed) (i8x16.splat (local.get 0))))

  (func $sum (param v128 v128 v128 v128 v128 v128 v128 v128 v128 v128 i64 f64) (result v128 v128 i64 f64)
    (local $weighted v128)
    ;; Every place counts differently.
    (local.set $weighted (local.get 0))
    (local.set $weighted (i16x8.add (i16x8.shl (local.get $weighted) (i32.const 1)) (local.get 1)))
    (local.set $weighted (i16x8.add (i16x8.shl (local.get $weighted) (i32.const 1)) (local.get 2)))
    (local.set $weighted (i16x8.add (i16x8.shl (local.get $weighted) (i32.const 1)) (local.get 3)))
    (local.set $weighted (i16x8.add (i16x8.shl (local.get $weighted) (i32.const 1)) (local.get 4)))
    (local.set $weighted (i16x8.add (i16x8.shl (local.get $weighted) (i32.const 1)) (local.get 5)))
    (local.set $weighted (i16x8.add (i16x8.shl (local.get $weighted) (i32.const 1)) (local.get 6)))
    (local.set $weighted (i16x8.add (i16x8.shl (local.get $weighted) (i32.const 1)) (local.get 7)))
    (local.set $weighted (i16x8.add (i16x8.shl (local.get $weighted) (i32.const 1)) (local.get 8)))
    (local.set $weighted (i16x8.add (i16x8.shl (local.get $weighted) (i32.const 1)) (local.get 9)))
    (local.get $weighted) (global.get $kept) (local.get 10) (local.get 11))

  (func (export "f") (result v128 v128 i64 f64)
    (i32.const 100)
    (call $nth (i32.const 0)) (call $nth (i32.const 16)) (call $nth (i32.const 32)) (call $nth (i32.const 48))
    (f32.const 0.5)
    (call $nth (i32.const 64)) (call $nth (i32.const 80)) (call $nth (i32.const 96)) (call $nth (i32.const 112))
    (i64.const 23)
    (call $nth (i32.const 128))
    (f64.const 0.25)
    (call $nth (i32.const 144))
    (call_indirect (type $many) (i32.const 0))
    (call $sum)))

;; 0x491243143d163718311a2b1c251e1f20
;; 0x9f9e9d9c9b9a99989796959493929190
;; 123
;; 0.75
