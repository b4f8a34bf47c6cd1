;;! invoke: f 1
(module (func (export "f") (param externref)))

;; stderr: error: argument 1 of `f`: '1' is no externref
;; exit: 2
