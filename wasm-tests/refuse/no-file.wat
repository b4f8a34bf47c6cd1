;;! file:

;; stderr: error: no program was given
;; stderr:
;; stderr: Usage: latier run [OPTIONS] <FILE> [ARGS]...
;; stderr:
;; stderr: For more information, try '--help'.
;; exit: 2
