;;! invoke: f
;; Loops whose counters and other locals each round of the loop around writes anew, of every type: code that is entered in
;; the innermost one, in the middle of a round, goes on with what they are then.
(module
  (memory 1)
  (func $sums (param $n i32) (result i32 i64 f32 f64)
    (local $i i32) (local $j i64) (local $k i32) (local $step f32) (local $half f64) (local $lanes v128) (local $row i32)
    (local $a i32) (local $b i64) (local $c f32) (local $d f64)
    (loop $rows
      (local.set $row (i32.mul (local.get $i) (i32.const 3)))
      (local.set $j (i64.const 5))
      (loop $columns
        (local.set $half (f64.mul (f64.convert_i64_s (local.get $j)) (f64.const 0.5)))
        (block $skipped
          (local.set $step (f32.convert_i32_s (local.get $row)))
          (local.set $lanes (i32x4.splat (local.get $i)))
          (br_if $skipped (i64.eqz (local.get $j)))
          (local.set $k (local.get $n))
          (loop $deep
            (local.set $a (i32.add (local.get $a) (i32.add (local.get $row) (i32x4.extract_lane 2 (local.get $lanes)))))
            (local.set $b (i64.add (i64.mul (local.get $b) (i64.const 3)) (i64.add (local.get $j) (i64.extend_i32_s (local.get $k)))))
            (local.set $c (f32.add (local.get $c) (local.get $step)))
            (local.set $d (f64.add (local.get $d) (local.get $half)))
            (local.set $lanes (i32x4.add (local.get $lanes) (i32x4.splat (local.get $k))))
            (local.set $step (f32.add (local.get $step) (f32.const 1)))
            (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (local.get $k)))
            (br_if $deep (local.tee $k (i32.sub (local.get $k) (i32.const 1))))))
        (br_if $columns (i64.ne (local.tee $j (i64.sub (local.get $j) (i64.const 1))) (i64.const 0))))
      (br_if $rows (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (local.get $a) (local.get $b) (local.get $c) (local.get $d))
  (func (export "f") (result i32 i64 f32 f64 i32)
    (call $sums (i32.const 7)) (i32.load (i32.const 8))))

;; 6860
;; 6777495651234095783
;; 2940
;; 367.5
;; 980
