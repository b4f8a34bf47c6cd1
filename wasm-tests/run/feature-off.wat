;;! modes: tiered baseline fast optimized
;;! features: preset=v1
;; Called, it is an error at the call: its body is validated then.
(module (func (export "_start") (drop (i32.extend8_s (i32.const 1)))))

;; stderr: Error: feature-off.wat: function could not be compiled: function 0: invalid function body: sign extension operations support is not enabled; needs `-W sign-extension` (at offset 0x25)
;; exit: 134
