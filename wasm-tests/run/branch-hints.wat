;; Hints say nothing about what a program means: right ones, wrong ones, and ones on what is no branch.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $arms (param i32) (result i32)
    (@metadata.code.branch_hint "\00")
    (if (result i32) (local.get 0)
      (then (i32.const 3))
      (else
        (@metadata.code.branch_hint "\01")
        (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 5)) (else (i32.const 7))))))
  (func $sum (param $n i32) (result i32)
    (local $sum i32)
    (block $done
      (loop $next
        (@metadata.code.branch_hint "\01")
        (br_if $done (i32.eqz (local.get $n)))
        (local.set $sum (i32.add (local.get $sum) (local.get $n)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (@metadata.code.branch_hint "\00")
        (br_if $next (local.get $n))
        (@metadata.code.branch_hint "\00")
        (br $next)))
    (local.get $sum))
  (func (export "_start")
    (call $exit (i32.add
      (i32.mul (call $arms (i32.const 0)) (call $arms (i32.const 1)))
      (call $sum (i32.const 10))))))

;; exit: 70
