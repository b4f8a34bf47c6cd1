;;! invoke: f 1
(module (func (export "f") (param i32 i32)))

;; stderr: error: `f` (func (param i32 i32)) takes 2 arguments, 1 given
;; exit: 2
