;;! file: ../refuse.rs

;; stderr: error: failed to load `../refuse.rs`: it is neither a WebAssembly binary nor text
;; exit: 1
