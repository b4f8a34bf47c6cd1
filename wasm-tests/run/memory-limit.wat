;;! features: max-memory-size=131072
;;! invoke: grow
(module
  (memory 1)
  (func (export "grow") (result i32 i32 i32)
    (memory.grow (i32.const 1)) (memory.grow (i32.const 1)) (memory.size)))

;; 1
;; -1
;; 2
