;;! file: missing.wasm
