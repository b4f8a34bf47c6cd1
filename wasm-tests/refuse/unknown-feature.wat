;;! features: smid
(module (func (export "_start")))

;; stderr: error: invalid value 'smid' for '-W <KEY[=VALUE],...>': there is no 'smid'; did you mean 'simd'?
;; stderr:
;; stderr: For more information, try '--help'.
;; exit: 2
