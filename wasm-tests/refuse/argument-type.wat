;;! invoke: f 1 two
(module (func (export "f") (param i32 i64)))
