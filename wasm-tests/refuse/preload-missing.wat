;;! options: --preload a=missing.wasm
(module (func (export "_start")))
