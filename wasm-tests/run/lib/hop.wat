;; A function that tail-calls element 0 of its exported table with one argument more than it was given.
(module
  (type $many (func (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 f64 f64 f64 f64 f64 f64 f64 f64 f64 i64) (result i64)))
  (table (export "table") 1 funcref)
  (func (export "hop")
    (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 f64 f64 f64 f64 f64 f64 f64 f64 f64) (result i64)
    (return_call_indirect (type $many)
      (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6)
      (local.get 7) (local.get 8) (local.get 9) (local.get 10) (local.get 11) (local.get 12) (local.get 13)
      (local.get 14) (local.get 15) (local.get 16) (local.get 17) (local.get 18) (i64.const 7)
      (i32.const 0))))
