;;! options: --env A=1 --env LATIER_TEST_UNSET_VARIABLE --env B=x=y
(module
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $i i32) (local $n i32)
    (drop (call $sizes (i32.const 0) (i32.const 12)))
    (drop (call $get (i32.const 1024) (i32.const 2048)))
    (local.set $n (i32.load (i32.const 12)))
    (loop $next
      (if (i32.eqz (i32.load8_u offset=2048 (local.get $i)))
        (then (i32.store8 offset=2048 (local.get $i) (i32.const 10))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (i32.store (i32.const 16) (i32.const 2048))
    (i32.store (i32.const 20) (local.get $n))
    (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24)))))

;; A=1
;; LATIER_TEST_UNSET_VARIABLE=
;; B=x=y
