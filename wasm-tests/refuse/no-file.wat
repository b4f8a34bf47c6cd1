;;! file:

;; stderr: error: no program was given
;; stderr:
;; stderr: Usage: latier [OPTIONS] <FILE> [ARGS]...
;; stderr:        latier <COMMAND>
;; stderr:
;; stderr: For more information, try '--help'.
;; exit: 2
