;;! file: -

;; stderr: error: standard input: it is empty
;; exit: 1
