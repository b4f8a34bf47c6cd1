;;! features: max-memory-size=65536
(module (memory 2) (func (export "_start")))

;; stderr: error: memory-too-large.wat: memory of 2 pages: more than the store's limit
;; exit: 1
