// WASI preview 1 has no setjmp; wasi.h replaces what Lua uses it for.
