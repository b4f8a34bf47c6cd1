;;! file: /dev/null

;; stderr: error: failed to load `/dev/null`: it is empty
;; exit: 1
