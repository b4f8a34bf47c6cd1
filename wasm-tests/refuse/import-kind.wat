(module
  (import "wasi_snapshot_preview1" "proc_exit" (memory 1))
  (func (export "_start")))

;; stderr: error: import-kind.wat: incompatible import type for "wasi_snapshot_preview1" "proc_exit": expected (memory 1), found (func (param i32))
;; exit: 1
