;;! invoke: f 1
(module (func (export "f") (param i32 i32)))
