;;! invoke: m
(module (memory (export "m") 1))

;; stderr: error: export-kind.wat: the export `m` is a memory, no function
;; exit: 1
