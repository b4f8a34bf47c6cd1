;;! invoke: f 1
(module (func (export "f") (param i32 i32)))

;; stderr: error: the function takes 2 arguments, 1 were given
;; exit: 2
