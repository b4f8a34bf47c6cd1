;;! invoke: f 1 two
(module (func (export "f") (param i32 i64)))

;; stderr: error: argument 2 of `f`: 'two' is no i64
;; exit: 2
