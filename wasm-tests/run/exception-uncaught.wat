;; An exception that nothing catches is an error that names its tag and what it carries.
(module
  (memory (export "memory") 1)
  (tag $t (export "my tag") (param i32 f32))
  (func $inner (throw $t (i32.const -7) (f32.const 0.5)))
  (func $outer (export "_start") (call $inner)))

;; stderr: Error: uncaught exception: tag "my tag" with i32 -7, f32 0.5
;; stderr: wasm backtrace:
;; stderr:     0:     0x4c - <unknown>!inner
;; stderr:     1:     0x51 - <unknown>!outer
;; exit: 1
