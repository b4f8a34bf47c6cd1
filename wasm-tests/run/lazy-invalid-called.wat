;;! modes: tiered baseline fast optimized
;;! invoke: f
;; An invalid function is an error when it is called.
(module binary
  "\00asm\01\00\00\00"
  "\01\05\01\60\00\01\7f"            ;; type: [] -> [i32]
  "\03\03\02\00\00"                  ;; two functions
  "\07\05\01\01f\00\00"              ;; the first is exported as f
  "\0a\09\02"
  "\04\00\10\01\0b"                  ;; call 1
  "\02\00\0b")                       ;; nothing: invalid

;; stderr: Error: function could not be compiled: function 1: invalid function body: type mismatch: expected i32 but nothing on stack (at offset 0x25)
;; stderr: wasm backtrace:
;; stderr:     0:     0x20 - <unknown>!<wasm function 0>
;; exit: 134
