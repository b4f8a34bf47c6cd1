// Runs a WASI program under a JavaScript engine that has `node:wasi`:
//   ENGINE wasi.mjs [--argv0 NAME] [--dir HOST::GUEST]... FILE.wasm [ARGUMENTS]...
// The module is compiled with the engine's defaults; the exit code is the program's.
import { WASI } from "node:wasi";
import { readFileSync } from "node:fs";
import { basename } from "node:path";

const rest = process.argv.slice(2), preopens = {};
let argv0;
for (;;) {
  if (rest[0] === "--dir") {
    const [host, guest] = rest[1].split("::");
    preopens[guest ?? host] = host;
  } else if (rest[0] === "--argv0") argv0 = rest[1];
  else break;
  rest.splice(0, 2);
}
const [file, ...programArguments] = rest;
const wasi = new WASI({
  version: "preview1", args: [argv0 ?? basename(file), ...programArguments], env: {}, preopens, returnOnExit: true,
});
const module = await WebAssembly.compile(readFileSync(file));
const instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: wasi.wasiImport });
process.exitCode = wasi.start(instance);
