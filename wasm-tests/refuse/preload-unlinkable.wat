;;! options: --preload a=unknown-import.wat
(module (func (export "_start")))

;; stderr: error: unknown-import.wat: unknown import: `nowhere::nothing` has not been defined
;; exit: 1
