;;! options: --preload a=unknown-import.wat
(module (func (export "_start")))
