(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $start (call $exit (i32.const 300)))
  (start $start)
  (func (export "_start") unreachable))

;; exit: 44
