;;! options: --tier-up stepped=1 --tier-filter 1
;;! invoke: twice 3
;; What the filter keeps in the first tier is told of once, and stays there.
(module
  (func $one (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func $twice (export "twice") (param i32) (result i32)
    (call $one (call $one (local.get 0)))))

;; 5
;; stderr: created     2 functions
;; stderr: first call  f1 (twice)
;; stderr: compiled    f1 (twice) baseline
;; stderr: redirected  f1 (twice) baseline
;; stderr: hot         f1 (twice)
;; stderr: compiled    f1 (twice) optimized
;; stderr: redirected  f1 (twice) optimized
;; stderr: first call  f0 (one)
;; stderr: compiled    f0 (one) baseline
;; stderr: redirected  f0 (one) baseline
;; stderr: not hotter  f0 (one): the tier filter keeps it in the first tier
