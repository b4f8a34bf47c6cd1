;;! features: smid
(module (func (export "_start")))
