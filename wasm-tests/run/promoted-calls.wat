;;! options: --preload lib=lib/promoted.wat
;;! invoke: f
;; Calls by tables of few functions, in a loop that becomes fast while it runs: of what the tables hold at first, of what
;; is put there later, of functions of another instance of the type, with handlers, and with results in memory.
(module
  (type $one (func (param i32) (result i32)))
  (type $many (func (param i32) (result i32 i64 f64 i32 i64)))
  (import "lib" "table" (table $shared 4 funcref))
  (import "lib" "add" (func $add_lib (type $one)))
  (tag $odd (param i32))
  (global $calls (mut i32) (i32.const 0))
  (table $own 12 funcref)
  (elem (table $own) (i32.const 2) func $double $square $same $add_lib $other $square)
  (elem (table $own) (i32.const 10) funcref (ref.func $throws) (ref.null func))
  (elem (table $shared) (i32.const 1) func $double $square)
  (table $wide 2 2 funcref)
  (elem (table $wide) (i32.const 0) func $low $high)

  (func $double (type $one) (call $count) (i32.mul (local.get 0) (i32.const 2)))
  (func $square (type $one) (call $count) (i32.mul (local.get 0) (local.get 0)))
  (func $same (type $one) (call $count) (local.get 0))
  (func $throws (type $one)
    (if (i32.and (local.get 0) (i32.const 1)) (then (throw $odd (local.get 0))))
    (i32.const 5))
  (func $other (result i32) (i32.const 1000))
  (func $count (global.set $calls (i32.add (global.get $calls) (i32.const 1))))
  (func $low (type $many) (local.get 0) (i64.const 2) (f64.const 3) (i32.const 4) (i64.const 5))
  (func $high (type $many) (local.get 0) (i64.const 20) (f64.const 30) (i32.const 40) (i64.const 50))

  ;; What own element `at` makes of `x`; one more than what it throws.
  (func $caught (param $at i32) (param $x i32) (result i32)
    (i32.add (i32.const 1)
      (block $thrown (result i32)
        (return
          (try_table (result i32) (catch $odd $thrown)
            (call_indirect $own (type $one) (local.get $x) (local.get $at)))))))

  (func $wide (param $at i32) (param $x i32) (result i32)
    (local $a i32) (local $b i64) (local $c f64) (local $d i32)
    (call_indirect $wide (type $many) (local.get $x) (local.get $at))
    i32.wrap_i64 local.set $at
    local.set $d local.set $c local.set $b local.set $a
    (i32.add
      (i32.add (local.get $a) (i32.wrap_i64 (local.get $b)))
      (i32.add (i32.trunc_f64_s (local.get $c)) (i32.add (local.get $d) (local.get $at)))))

  ;; The sum over all places that can be called, so many times; after half of them the tables are shuffled.
  (func $sum (param $times i32) (result i32) (local $n i32) (local $at i32) (local $sum i32)
    (loop $time
      (if (i32.eq (local.get $n) (i32.div_u (local.get $times) (i32.const 2)))
        (then
          (table.set $own (i32.const 2) (ref.func $square))
          (table.set $own (i32.const 3) (ref.func $add_lib))
          (table.set $own (i32.const 0) (ref.func $double))
          (table.copy $own $own (i32.const 6) (i32.const 2) (i32.const 1))
          (table.set $shared (i32.const 1) (table.get $shared (i32.const 3)))))
      (local.set $at (i32.const 2))
      (loop $place
        (local.set $sum (i32.add (local.get $sum)
          (call_indirect $own (type $one) (i32.add (local.get $n) (local.get $at)) (local.get $at))))
        (br_if $place (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 1)))
          (select (i32.const 6) (i32.const 8) (i32.lt_u (local.get $n) (i32.div_u (local.get $times) (i32.const 2)))))))
      (local.set $at (i32.const 1))
      (loop $place
        (local.set $sum (i32.add (local.get $sum)
          (call_indirect $shared (type $one) (local.get $n) (local.get $at))))
        (br_if $place (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 4))))
      (local.set $sum (i32.add (local.get $sum) (call $caught (i32.const 10) (local.get $n))))
      (local.set $sum (i32.add (local.get $sum) (call $caught (i32.const 4) (local.get $n))))
      (local.set $sum (i32.add (local.get $sum) (call $wide (i32.and (local.get $n) (i32.const 1)) (local.get $n))))
      (br_if $time (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (local.get $times))))
    (local.get $sum))

  (func (export "f") (result i32 i32) (call $sum (i32.const 100)) (global.get $calls)))

;; 1450550
;; 600
