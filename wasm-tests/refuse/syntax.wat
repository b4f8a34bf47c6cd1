(module
  (func (export "f") (i32.cnst 1)))

;; stderr: error: failed to load `syntax.wat`: unknown operator or unexpected token (at 2:23)
;; exit: 1
