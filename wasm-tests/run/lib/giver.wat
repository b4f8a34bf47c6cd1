;; Functions whose types name each other.
(module
  (rec (type $even (func (param i32 (ref $odd)) (result i32)))
       (type $odd (func (param i32 (ref $even)) (result i32))))
  (type $self (func (param i32 (ref null $self)) (result i32)))
  (table (export "selves") 1 (ref null $self))
  (elem declare func $even $odd)
  (func $even (export "even") (type $even)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
    (return_call_ref $odd (i32.sub (local.get 0) (i32.const 1)) (ref.func $even) (local.get 1)))
  (func $odd (export "odd") (type $odd)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
    (return_call_ref $even (i32.sub (local.get 0) (i32.const 1)) (ref.func $odd) (local.get 1))))
