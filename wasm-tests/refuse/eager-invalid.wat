;;! options: --validation eager
(module
  (func (export "_start") (drop (i32.add (i32.const 1) (i64.const 2)))))

;; stderr: error: failed to load `eager-invalid.wat`: type mismatch: expected i32, found i64 (at offset 0x27)
;; exit: 1
