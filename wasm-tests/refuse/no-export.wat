;;! invoke: g
(module (func (export "f")))
