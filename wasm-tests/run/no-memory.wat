;; WASI needs the guest's memory.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (func $main (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 0)))))

;; stderr: Error: a module that uses WASI must export its memory as `memory`
;; stderr: wasm backtrace:
;; stderr:     0:     0x58 - <unknown>!main
;; exit: 1
