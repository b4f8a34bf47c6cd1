;;! options: --tier-up stepped=1
;;! invoke: down 2
;; A trap in optimized code is where it is in the first tier's.
(module
  (func $down (export "down") (param $n i32) (result i32)
    (loop $again
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (drop (i32.div_u (i32.const 1) (local.get $n)))
      (br $again))
    (unreachable)))

;; stderr: created     1 functions
;; stderr: first call  f0 (down)
;; stderr: compiled    f0 (down) baseline
;; stderr: redirected  f0 (down) baseline
;; stderr: hot         f0 (down)
;; stderr: compiled    f0 (down) optimized
;; stderr: redirected  f0 (down) optimized
;; stderr: Error: integer divide by zero
;; stderr: wasm backtrace:
;; stderr:     0:     0x30 - <unknown>!down
;; exit: 134
