;;! features: max-memory-size=65536
(module (memory 2) (func (export "_start")))
