(module
  (import "wasi_snapshot_preview1" "proc_exit" (func (param i64)))
  (func (export "_start")))

;; stderr: error: import-type.wat: incompatible import type for "wasi_snapshot_preview1" "proc_exit": expected (func (param i64)), found (func (param i32))
;; exit: 1
