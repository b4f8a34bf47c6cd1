;;! invoke: f
;; Locals of all types live across the rounds of loops, calls in them, and every way out of them: the end, branches of
;; all kinds, returns, tail calls, exceptions. What is called in a loop has such loops of its own.
(module
  (tag $out (param i64))

  ;; More integers than there are registers, each from the one before.
  (func $mix (param $n i32) (param $a i64) (result i64)
    (local $b i64) (local $c i64) (local $d i64) (local $e i64) (local $g i64) (local $h i64) (local $k i64) (local $t i64)
    (local.set $b (i64.const 0x9e3779b97f4a7c15))
    (loop $next
      (local.set $t (i64.add (i64.xor (local.get $h) (i64.rotl (local.get $k) (i64.const 13)))
                             (i64.add (local.get $a) (local.get $g))))
      (local.set $k (local.get $h)) (local.set $h (local.get $g)) (local.set $g (local.get $e))
      (local.set $e (local.get $d)) (local.set $d (local.get $c))
      (local.set $c (i64.rotr (i64.add (local.get $b) (local.get $e)) (i64.const 7)))
      (local.set $b (i64.xor (local.get $a) (local.get $d)))
      (local.set $a (local.get $t))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i64.add (i64.xor (local.get $a) (local.get $b)) (i64.add (local.get $g) (local.get $k))))

  ;; A round calls; what is in registers must be there again.
  (func $rounds (param $n i32) (param $how i32) (param $x i64) (result i64)
    (local $i i32) (local $j i32) (local $s i64) (local $w f32) (local $y f64) (local $z f64) (local $v v128)
    (local.set $z (f64.const 1.5)) (local.set $w (f32.const 0.25))
    (block $done
      (loop $again
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (local.set $y (f64.add (local.get $y) (f64.mul (local.get $z) (f64.convert_i32_s (local.get $i)))))
        (local.set $z (f64.sub (local.get $y) (f64.promote_f32 (local.get $w))))
        (local.set $w (f32.add (local.get $w) (f32.const 1.25)))
        (local.set $v (i32x4.add (local.get $v) (i32x4.splat (local.get $i))))
        (local.set $j (i32.const 0))
        (loop $inner
          (local.set $s (i64.add (i64.mul (local.get $s) (i64.const 31)) (i64.extend_i32_u (local.get $j))))
          (br_if $inner (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (local.get $i))))
        (local.set $x (call $mix (local.get $i) (i64.add (local.get $x) (local.get $s))))
        (if (i32.ge_u (local.get $i) (local.get $n))
          (then
            (block $thrown (block $tail (block $return (block $branch (block $end
              (br_table $end $branch $return $tail $thrown (local.get $how)))
              (br_if $again (i32.lt_u (local.get $i) (i32.add (local.get $n) (i32.const 2)))) (br $done))
              (br $done))
              (return (i64.xor (local.get $x) (local.get $s))))
              (return_call $mix (local.get $n) (local.get $x)))
            (throw $out (i64.sub (local.get $x) (local.get $s)))))
        (br_if $again (i32.eqz (f64.gt (local.get $y) (f64.const 1e300))))
        (local.set $s (i64.const -1))))
    (i64.add
      (i64.add (local.get $x) (i64.trunc_sat_f64_s (local.get $y)))
      (i64.add (i64.extend_i32_s (i32x4.extract_lane 2 (local.get $v)))
               (i64.add (local.get $s) (i64.trunc_sat_f32_s (local.get $w))))))

  ;; Catches what leaves another's loop, and its own.
  (func $caught (param $n i32) (result i64)
    (local $i i32) (local $sum i64) (local $last i64) (local $odd i64)
    (block $all
      (loop $again
        (local.set $last (block $h (result i64)
          (try_table (result i64) (catch $out $h)
            (call $rounds (local.get $n) (i32.rem_u (local.get $i) (i32.const 5)) (local.get $sum)))))
        (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 3)) (local.get $last)))
        (local.set $odd (i64.xor (local.get $odd) (i64.rotl (local.get $sum) (i64.extend_i32_u (local.get $i)))))
        (br_if $all (i32.gt_u (local.get $i) (i32.const 8)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $again)))
    (local.set $last (block $h (result i64)
      (try_table (catch $out $h)
        (loop $on
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (local.set $sum (i64.add (local.get $sum) (i64.mul (local.get $odd) (local.get $last))))
          (local.set $odd (i64.add (local.get $odd) (local.get $sum)))
          (local.set $last (call $rounds (i32.const 3) (i32.and (local.get $i) (i32.const 4)) (local.get $odd)))
          (br $on)))
      unreachable))
    (i64.xor (local.get $sum) (i64.add (local.get $odd) (local.get $last))))

  (func (export "f") (result i64 i64)
    (local $i i32) (local $sum i64) (local $twice i64)
    (loop $again
      (local.set $sum (i64.add (local.get $sum) (call $caught (i32.add (local.get $i) (i32.const 1)))))
      (local.set $twice (i64.add (local.get $twice) (i64.mul (local.get $sum) (i64.const 2))))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 6))))
    (local.get $sum) (local.get $twice)))

;; 2541397542927785109
;; 5383479935089079222
