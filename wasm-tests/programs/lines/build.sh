#!/bin/sh
# Builds divide.wasm, with debugging information, from divide.c.
# Needs: clang with the target wasm32, wasm-ld.
set -eu
cd "$(dirname "$0")"
clang --target=wasm32 -O1 -g -fdebug-compilation-dir=demo -nostdlib -Wl,--no-entry -o divide.wasm divide.c
