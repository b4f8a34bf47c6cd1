;;! features: max-wasm-stack=65536
;;! invoke: f
;; References of a type: in locals that are never null, in a table with an initializer, in a global, as results, called
;; and tail-called, a million times in constant stack.
(module
  (type $op (func (param i64 i64) (result i64)))
  (type $pick (func (param i64) (result (ref $op))))
  (table $ops 4 (ref $op) (ref.func $add))
  (global $chosen (mut (ref null $op)) (ref.null $op))
  (elem (table $ops) (i32.const 1) (ref $op) (ref.func $sub) (ref.func $mul))
  (func $add (type $op) (i64.add (local.get 0) (local.get 1)))
  (func $sub (type $op) (i64.sub (local.get 0) (local.get 1)))
  (func $mul (type $op) (i64.mul (local.get 0) (local.get 1)))

  ;; 0, 1, 2, 3: add, sub, mul, add.
  (func $pick (type $pick) (table.get $ops (i32.wrap_i64 (local.get 0))))
  (elem declare func $pick $count)

  (func $through (param $pick (ref $pick)) (param $which i64) (param $a i64) (param $b i64) (result i64)
    (local $op (ref $op))
    (local.set $op (call_ref $pick (local.get $which) (local.get $pick)))
    (call_ref $op (local.get $a) (local.get $b) (local.get $op)))

  ;; The chosen function's value, or -1 if none is chosen.
  (func $use (param $a i64) (param $b i64) (result i64)
    (block $none
      (return (call_ref $op (local.get $a) (local.get $b) (br_on_null $none (global.get $chosen)))))
    (i64.const -1))

  ;; 1 if a function is chosen.
  (func $is_chosen (result i64)
    (drop (block $some (result (ref $op))
      (br_on_non_null $some (global.get $chosen))
      (return (i64.const 0))))
    (i64.const 1))

  (func $count (type $op)
    (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_ref $op
      (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (i64.const 1)) (ref.func $count)))

  (func $want (param $have i64) (param $want i64)
    (if (i64.ne (local.get $have) (local.get $want)) (then unreachable)))

  (func (export "f") (result i64)
    (call $want (call $through (ref.func $pick) (i64.const 0) (i64.const 7) (i64.const 3)) (i64.const 10))
    (call $want (call $through (ref.func $pick) (i64.const 1) (i64.const 7) (i64.const 3)) (i64.const 4))
    (call $want (call $through (ref.func $pick) (i64.const 2) (i64.const 7) (i64.const 3)) (i64.const 21))
    (call $want (call $through (ref.func $pick) (i64.const 3) (i64.const 7) (i64.const 3)) (i64.const 10))
    (call $want (call $use (i64.const 1) (i64.const 2)) (i64.const -1))
    (call $want (call $is_chosen) (i64.const 0))
    (global.set $chosen (select (result (ref $op)) (ref.func $mul) (ref.func $sub) (i32.const 1)))
    (call $want (call $use (i64.const 6) (i64.const 7)) (i64.const 42))
    (call $want (call $is_chosen) (i64.const 1))
    (call $count (i64.const 1000000) (i64.const 0))))

;; 1000000
