;;! file: missing.wasm

;; stderr: error: failed to read `missing.wasm`: No such file or directory (os error 2)
;; exit: 1
