;;! invoke: ad 1
(module (func (export "add") (param i32)) (func (export "sub")))

;; stderr: error: argument-name.wat: no exported function `ad`; did you mean `add`?
;; exit: 1
