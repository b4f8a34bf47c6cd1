;; A null is called: the call itself faults.
(module $app
  (type $t (func (param i32) (result i32)))
  (func (export "_start")
    (drop (call_ref $t (i32.const 1) (ref.null $t)))))

;; stderr: Error: null reference
;; stderr: wasm backtrace:
;; stderr:     0:     0x2c - app!<wasm function 0>
;; exit: 134
