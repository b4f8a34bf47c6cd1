#!/usr/bin/env bash
# Builds every kernel here that is in C. Needs clang with a WASI C library
# (Debian: apt-get install clang lld wasi-libc libclang-rt-dev-wasm32). Without arguments all, else those named.
set -euo pipefail
cd "$(dirname "$0")"
sources=("${@:-*.c}")
# shellcheck disable=SC2068
for source in ${sources[@]}; do
  flags=(-O2)
  [ "$source" = simd.c ] && flags=(-O3 -msimd128)
  clang --target=wasm32-wasi "${flags[@]}" -Wall -Wextra -Werror -Wl,--strip-debug -o "${source%.c}.wasm" "$source"
done
ls -l ./*.wasm
