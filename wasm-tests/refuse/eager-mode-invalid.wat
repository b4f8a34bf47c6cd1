;;! options: --mode eager-optimized
;; What is compiled before the start is validated before the start.
(module
  (func (export "_start"))
  (func $never (drop (i32.add (i32.const 1) (i64.const 2)))))

;; stderr: error: failed to load `eager-mode-invalid.wat`: function 1 (never): invalid function body: type mismatch: expected i32, found i64 (at offset 0x2b)
;; exit: 1
