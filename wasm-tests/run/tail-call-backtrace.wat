;; A function that was tail-called has its caller's caller below it, also when it has more arguments on the stack than
;; the function that it replaced.
(module $app
  (type $div (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (table funcref (elem $divide))
  (func $divide (type $div)
    (i32.div_u (local.get 9) (local.get 0)))
  (func $replaced (result i32)
    (return_call_indirect (type $div)
      (i32.const 0) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6)
      (i32.const 7) (i32.const 8) (i32.const 9) (i32.const 0)))
  (func $middle (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $replaced))
  (func (export "_start")
    (drop (call $middle
      (i32.const 0) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6)
      (i32.const 7) (i32.const 8)))))

;; stderr: Error: integer divide by zero
;; stderr: wasm backtrace:
;; stderr:     0:     0x5b - app!divide
;; stderr:     1:     0x7b - app!middle
;; stderr:     2:     0x92 - app!<wasm function 3>
;; exit: 134
