(module (func

;; stderr: error: failed to load `unclosed.wat`: expected `)` (at 5:1)
;; exit: 1
