#!/usr/bin/env bash
# Builds lua.wasm from the C sources of the crate lua-src. Needs cargo, and clang with a WASI C library
# (Debian: apt-get install clang lld wasi-libc libclang-rt-dev-wasm32).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
crate=lua-src version=551.1.0 lua=lua-5.4.9
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
cargo init --quiet --vcs none --name fetch
cargo add --quiet "$crate@=$version"
cargo vendor --quiet > /dev/null
sources=("vendor/$crate/$lua/"*.c)
clang --target=wasm32-wasi -Oz -w -include "$here/include/wasi.h" -I "$here/include" -D_WASI_EMULATED_SIGNAL -D_WASI_EMULATED_PROCESS_CLOCKS \
  -I "vendor/$crate/$lua" "$here/main.c" "${sources[@]}" -lwasi-emulated-signal -lwasi-emulated-process-clocks \
  -Wl,--strip-debug -o "$here/lua.wasm"
ls -l "$here/lua.wasm"
