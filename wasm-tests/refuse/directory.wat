;;! file: .

;; stderr: error: failed to read `.`: is a directory
;; exit: 1
