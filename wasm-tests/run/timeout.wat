;;! features: timeout=50ms
;;! modes: tiered optimized
(module (func (export "_start") (loop (br 0))))

;; stderr: Error: interrupted: it ran longer than 50ms (-W timeout)
;; exit: 134
