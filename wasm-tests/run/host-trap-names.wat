;; A function without a name is shown by its index, and a trap in a start function is a trap.
(module
  (func (unreachable))
  (func $start (call 0))
  (start $start))

;; stderr: Error: unreachable
;; stderr: wasm backtrace:
;; stderr:     0:     0x1b - <unknown>!<wasm function 0>
;; stderr:     1:     0x1f - <unknown>!start
;; exit: 134
