;;! features: legacy-exceptions
;; Exceptions as browsers first had them: catch in order, delegate past a try, rethrow from inside a clause.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (tag $a (param i32))
  (tag $b (param i64 i64))
  (tag $c)
  (func $throw (param $which i32)
    (if (i32.eq (local.get $which) (i32.const 1)) (then (throw $a (i32.const 10))))
    (if (i32.eq (local.get $which) (i32.const 2)) (then (throw $b (i64.const 20) (i64.const 5))))
    (if (i32.eq (local.get $which) (i32.const 3)) (then (throw $c))))
  (func $catch (param $which i32) (result i32)
    try (result i32)
      (call $throw (local.get $which))
      (i32.const 1)
    catch $a
    catch $b
      i64.sub
      i32.wrap_i64
    catch_all
      (i32.const 99)
    end)
  ;; What the inner try does not take goes on to the outer one.
  (func $nested (param $which i32) (result i32)
    (local $x i32)
    try (result i32)
      try
        (local.set $x (i32.const 7))
        (call $throw (local.get $which))
      catch $a
        local.set $x
      end
      (local.get $x)
    catch $b
      drop
      drop
      (i32.add (local.get $x) (i32.const 100))
    end)
  ;; The delegated exception passes the try between, which would take it.
  (func $delegated (param $which i32) (result i32)
    try $outer (result i32)
      try $between (result i32)
        try
          (call $throw (local.get $which))
        delegate $outer
        (i32.const 2)
      catch_all
        (i32.const 3)
      end
    catch $a
    end)
  (func $rethrown (param $which i32) (result i32)
    try (result i32)
      try (result i32)
        (call $throw (local.get $which))
        (i32.const 4)
      catch_all
        try
          (throw $c)
        catch $c
          rethrow 1
        end
        (i32.const 5)
      end
    catch $a
      (i32.add (i32.const 1000))
    end)
  (func $check (param $actual i32) (param $expected i32) (param $code i32)
    (if (i32.ne (local.get $actual) (local.get $expected)) (then (call $exit (local.get $code)))))
  (func (export "_start")
    (call $check (call $catch (i32.const 0)) (i32.const 1) (i32.const 1))
    (call $check (call $catch (i32.const 1)) (i32.const 10) (i32.const 2))
    (call $check (call $catch (i32.const 2)) (i32.const 15) (i32.const 3))
    (call $check (call $catch (i32.const 3)) (i32.const 99) (i32.const 4))
    (call $check (call $nested (i32.const 0)) (i32.const 7) (i32.const 5))
    (call $check (call $nested (i32.const 1)) (i32.const 10) (i32.const 6))
    (call $check (call $nested (i32.const 2)) (i32.const 107) (i32.const 7))
    (call $check (call $delegated (i32.const 0)) (i32.const 2) (i32.const 8))
    (call $check (call $delegated (i32.const 1)) (i32.const 10) (i32.const 9))
    (call $check (call $rethrown (i32.const 0)) (i32.const 4) (i32.const 10))
    (call $check (call $rethrown (i32.const 1)) (i32.const 1010) (i32.const 11))
    ;; Nothing takes it.
    (drop (call $rethrown (i32.const 3)))))

;; stderr: Error: uncaught exception: a tag without a name
;; stderr: wasm backtrace:
;; stderr:     0:    0x110 - <unknown>!rethrown
;; stderr:     1:    0x196 - <unknown>!<wasm function 7>
;; exit: 1
