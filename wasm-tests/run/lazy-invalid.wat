;;! modes: tiered baseline fast optimized
;;! invoke: f
;; What is never called is never looked at: the function $never is invalid, and that is no error unless validation is
;; eager.
(module binary
  "\00asm\01\00\00\00"
  "\01\05\01\60\00\01\7f"            ;; type: [] -> [i32]
  "\03\03\02\00\00"                  ;; two functions
  "\07\05\01\01f\00\00"              ;; the first is exported as f
  "\0a\09\02"
  "\04\00\41\2a\0b"                  ;; i32.const 42
  "\02\00\0b")                       ;; nothing: invalid

;; 42
