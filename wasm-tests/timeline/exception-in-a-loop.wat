;;! options: --tier-up stepped=2
;;! invoke: caught 4
;; What a loop catches in the first tier it catches in the code that goes on in its middle.
(module
  (tag $odd (param i32))
  (func $check (param i32)
    (if (i32.and (local.get 0) (i32.const 1)) (then (throw $odd (local.get 0)))))
  (func $caught (export "caught") (param $n i32) (result i32) (local $sum i32)
    (loop $again
      (block $next
        (block $catch (result i32)
          (try_table (catch $odd $catch) (call $check (local.get $n)))
          (br $next))
        (local.set $sum (i32.add (local.get $sum))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (local.get $n)))
    (local.get $sum)))

;; 4
;; stderr: created     2 functions
;; stderr: first call  f1 (caught)
;; stderr: compiled    f1 (caught) baseline
;; stderr: redirected  f1 (caught) baseline
;; stderr: first call  f0 (check)
;; stderr: compiled    f0 (check) baseline
;; stderr: redirected  f0 (check) baseline
;; stderr: hot         f1 (caught) at 0x3
;; stderr: hot         f0 (check): called by f1
;; stderr: compiled    f0 (check) optimized
;; stderr: redirected  f0 (check) optimized
;; stderr: compiled    f1 (caught) at 0x3 optimized
;; stderr: entered     f1 (caught) at 0x3
