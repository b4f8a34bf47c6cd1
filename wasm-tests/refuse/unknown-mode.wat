;;! options: --mode quick
(module (func (export "_start")))

;; stderr: error: invalid value 'quick' for '--mode <MODE>'
;; stderr:   [possible values: tiered, baseline, fast, optimized, eager-baseline, eager-optimized]
;; stderr:
;; stderr: For more information, try '--help'.
;; exit: 2
