;;! features: preset=v2
(module $app
  (func $divide (param i32) (result i32)
    (i32.div_u (i32.const 1) (local.get 0)))
  (func $middle (result i32)
    (call $divide (i32.const 0)))
  (func (export "_start")
    (drop (call $middle))))

;; stderr: Error: integer divide by zero
;; stderr: wasm backtrace:
;; stderr:     0:     0x32 - app!divide
;; stderr:     1:     0x38 - app!middle
;; stderr:     2:     0x3d - app!<wasm function 2>
;; exit: 134
