;;! file: -

;; stderr: error: standard input: expected at least one module field (at 1:1)
;; exit: 1
