;;! invoke: f i32x4:1,2
(module (func (export "f") (param v128)))

;; stderr: error: argument 1 of `f`: 'i32x4:1,2' is no v128
;; exit: 2
