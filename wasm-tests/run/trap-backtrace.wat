;;! features: preset=v2
(module $app
  (func $divide (param i32) (result i32)
    (i32.div_u (i32.const 1) (local.get 0)))
  (func $middle (result i32)
    (call $divide (i32.const 0)))
  (func (export "_start")
    (drop (call $middle))))
