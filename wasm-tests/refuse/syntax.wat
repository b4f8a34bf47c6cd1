(module
  (func (export "f") (i32.cnst 1)))
