;; Whether vectors are there: prints `ok`, whose length they add up.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\18\00\00\00\00\00\00\00ok\n")
  (func (export "_start")
    (i32.store (i32.const 20)
      (i32x4.extract_lane 3 (i32x4.add (v128.const i32x4 0 0 0 1) (i32x4.splat (i32.const 2)))))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)))))
