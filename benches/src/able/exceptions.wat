;; Whether exceptions are there: prints `ok` where one lands.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (tag $tag)
  (data (i32.const 16) "\18\00\00\00\03\00\00\00ok\n")
  (func (export "_start")
    (block $caught
      (try_table (catch $tag $caught) (throw $tag)))
    (drop (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)))))
