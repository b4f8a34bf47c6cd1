;;! features: max-wasm-stack=65536
;; A hundred frames fit into 64 KiB in every tier.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (call $down (i32.const 100)) (call $exit (i32.const 9)))
  (func $down (param i32)
    (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1)))))))

;; exit: 9
