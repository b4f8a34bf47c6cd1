;;! invoke: g
(module (func (export "f")))

;; stderr: error: no-export.wat: no exported function `g`; it exports `f`
;; exit: 1
