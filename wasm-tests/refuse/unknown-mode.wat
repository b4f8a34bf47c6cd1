;;! options: --mode quick
(module (func (export "_start")))
