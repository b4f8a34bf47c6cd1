;; Exceptions: N rounds that throw through 0 to 15 frames, with a value, to a handler that looks at the tag; every third
;; round throws nothing. Prints the sum of what was caught. N is 300,000 unless there is an argument.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (tag $wanted (param i64))
  (tag $other (param i32))

  ;; Throws from `depth` frames further down.
  (func $down (param $depth i32) (param $value i64) (result i64)
    (if (i32.eqz (local.get $depth))
      (then
        (if (i64.eqz (i64.rem_u (local.get $value) (i64.const 5)))
          (then (throw $other (i32.const 7))))
        (throw $wanted (local.get $value))))
    (i64.add (i64.const 1) (call $down (i32.sub (local.get $depth) (i32.const 1)) (local.get $value))))

  (func $round (param $n i64) (result i64)
    (if (i64.eqz (i64.rem_u (local.get $n) (i64.const 3))) (then (return (i64.const 11))))
    (block $is_other (result i32)
      (block $is_wanted (result i64)
        (return (try_table (result i64) (catch $wanted $is_wanted) (catch $other $is_other)
          (call $down (i32.and (i32.wrap_i64 (local.get $n)) (i32.const 15)) (local.get $n)))))
      (return))
    (return (i64.extend_i32_u)))

  ;; The number that the first argument says.
  (func $rounds (result i64) (local $at i32) (local $n i64)
    (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))
    (if (i32.lt_u (i32.load (i32.const 0)) (i32.const 2)) (then (return (i64.const 300000))))
    (drop (call $args_get (i32.const 16) (i32.const 4096)))
    (local.set $at (i32.load (i32.const 20)))
    (loop $digits
      (if (i32.load8_u (local.get $at))
        (then
          (local.set $n (i64.add (i64.mul (local.get $n) (i64.const 10))
            (i64.sub (i64.load8_u (local.get $at)) (i64.const 48))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $digits))))
    (local.get $n))

  ;; Prints a number and a newline, written backwards from address 1,000.
  (func $print (param $n i64) (local $at i32)
    (local.set $at (i32.const 1000))
    (i32.store8 (local.get $at) (i32.const 10))
    (loop $digits
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i64.store8 (local.get $at) (i64.add (i64.const 48) (i64.rem_u (local.get $n) (i64.const 10))))
      (local.set $n (i64.div_u (local.get $n) (i64.const 10)))
      (br_if $digits (i64.ne (local.get $n) (i64.const 0))))
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (i32.sub (i32.const 1001) (local.get $at)))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))

  (func (export "_start") (local $n i64) (local $end i64) (local $sum i64)
    (local.set $end (call $rounds))
    (loop $again
      (if (i64.lt_u (local.get $n) (local.get $end))
        (then
          (local.set $sum (i64.add (local.get $sum) (call $round (local.get $n))))
          (local.set $n (i64.add (local.get $n) (i64.const 1)))
          (br $again))))
    (call $print (local.get $sum))))
