;;! file: insepct
;;! args: a.wasm

;; stderr: error: failed to read `insepct`: No such file or directory (os error 2); did you mean the command `inspect`?
;; exit: 1
