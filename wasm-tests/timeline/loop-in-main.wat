;;! options: --tier-up stepped=2
;;! invoke: sum 5
;; A loop that is entered once is left in its second round; what it calls is optimized with it.
(module
  (func $square (param i32) (result i32)
    (i32.mul (local.get 0) (local.get 0)))
  (func $sum (export "sum") (param $n i32) (result i32) (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (call $square (local.get $n))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (local.get $n)))
    (local.get $sum)))

;; 55
;; stderr: created     2 functions
;; stderr: first call  f1 (sum)
;; stderr: compiled    f1 (sum) baseline
;; stderr: redirected  f1 (sum) baseline
;; stderr: first call  f0 (square)
;; stderr: compiled    f0 (square) baseline
;; stderr: redirected  f0 (square) baseline
;; stderr: hot         f1 (sum) at 0x3
;; stderr: hot         f0 (square): called by f1
;; stderr: compiled    f0 (square) optimized
;; stderr: redirected  f0 (square) optimized
;; stderr: compiled    f1 (sum) at 0x3 optimized
;; stderr: entered     f1 (sum) at 0x3
