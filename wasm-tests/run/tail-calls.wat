;;! features: max-wasm-stack=65536
;;! options: --preload hop=lib/hop.wat
;; A million and two tail calls in a stack for a few hundred: direct, through a table, through another instance, each
;; with another number of arguments on the stack. Then tail calls of a host function with arguments on the stack, and
;; of functions whose results go through memory.
(module
  (type $many (func (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 f64 f64 f64 f64 f64 f64 f64 f64 f64 i64) (result i64)))
  (type $three (func (param i64 i64 i64) (result i64)))
  (type $nine (func (result i32 i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "hop" "table" (table $shared 1 funcref))
  (import "hop" "hop" (func $hop
    (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 f64 f64 f64 f64 f64 f64 f64 f64 f64) (result i64)))
  (memory (export "memory") 1)
  (table $own 2 funcref)
  (elem (table $shared) (i32.const 0) func $landed)
  (elem (table $own) (i32.const 1) func $leave)

  ;; $n calls are still to come; $sum counts the rounds.
  (func $round (param $n i64) (param $sum i64) (param $step i64) (result i64)
    (if (i64.eqz (local.get $n)) (then (return (local.get $sum))))
    (return_call_indirect $own (type $three)
      (i64.sub (local.get $n) (i64.const 1)) (i64.add (local.get $sum) (local.get $step)) (local.get $step)
      (i32.const 1)))
  (func $leave (param $n i64) (param $sum i64) (param $step i64) (result i64)
    (return_call $hop
      (local.get $n) (local.get $sum) (local.get $step)
      (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7)
      (f64.const 1) (f64.const 2) (f64.const 3) (f64.const 4) (f64.const 5) (f64.const 6) (f64.const 7)
      (f64.const 8) (f64.const 9)))
  (func $landed (type $many)
    (if (i64.ne (local.get 9) (local.get 19)) (then unreachable))
    (if (f64.ne (local.get 18) (f64.const 9)) (then unreachable))
    (return_call $round (local.get 0) (local.get 1) (local.get 2)))

  ;; Errno 8: there is no such descriptor.
  (func $open (param $fd i32) (result i32)
    (return_call $path_open
      (local.get $fd) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)
      (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)))

  (func $results (type $nine)
    (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (i32.const 7)
    (i32.const 8) (i32.const 9))
  (func $pass_on (type $nine) (return_call $results))
  (func $weighed (result i32)
    (call $pass_on) i32.sub i32.sub i32.sub i32.sub i32.sub i32.sub i32.sub i32.sub)

  (func (export "_start")
    (local $i i32)
    (if (i64.ne (call $round (i64.const 250001) (i64.const 0) (i64.const 3)) (i64.const 750003)) (then unreachable))
    (loop $again
      (if (i32.ne (call $open (i32.const 99)) (i32.const 8)) (then unreachable))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
    (return_call $exit (i32.add (call $weighed) (i32.const 30)))))

;; exit: 35
