;; A table that others fill too, and a function that counts its calls in its own instance.
(module
  (type $one (func (param i32) (result i32)))
  (table (export "table") 4 funcref)
  (global $calls (mut i32) (i32.const 0))
  (elem (i32.const 1) func $add $add $add)
  (func $add (export "add") (type $one)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (i32.add (local.get 0) (global.get $calls))))
