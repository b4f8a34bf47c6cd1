;;! features: gc
;;! options: --preload giver=lib/giver.wat
;;! invoke: f
;; Functions that take functions of their own type, and types that name each other: types are the same across modules
;; if their whole recursion groups are.
(module
  (rec (type $even (func (param i32 (ref $odd)) (result i32)))
       (type $odd (func (param i32 (ref $even)) (result i32))))
  (type $self (func (param i32 (ref null $self)) (result i32)))
  (import "giver" "even" (func $even (type $even)))
  (import "giver" "odd" (func $odd (type $odd)))
  (import "giver" "selves" (table $selves 1 (ref null $self)))
  (elem declare func $even $odd)
  (elem (table $selves) (i32.const 0) (ref null $self) (ref.func $down))
  (func $down (type $self)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 7))))
    (return_call_ref $self (i32.sub (local.get 0) (i32.const 1)) (local.get 1) (local.get 1)))
  (func (export "f") (result i32)
    (i32.add
      (call_indirect $selves (type $self) (i32.const 100000) (table.get $selves (i32.const 0)) (i32.const 0))
      (call $even (i32.const 100001) (ref.func $odd)))))

;; 7
