;; A host function that is given bad memory says so by an errno; the guest goes on.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (call $exit (call $write (i32.const 1) (i32.const -8) (i32.const 1) (i32.const 0)))))

;; exit: 21
