//! A module that says when it begins: `_start` is wrapped by a function whose first act is to write one byte to standard
//! output. The rest of the module stays as it is. Runs nothing.

use anyhow::{Context, Result, bail, ensure};
use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, FunctionSection, MemArg, MemArgTarget, Module,
    RawSection, TypeSection,
};
use wasmparser::{BinaryReader, ExternalKind, Parser, Payload, TypeRef};

/// Where the byte and the vector that names it lie while they are written: the first addresses of memory, whose contents
/// are put back afterwards.
const VECTOR: i32 = 0;
const WRITTEN: i32 = 8;
const BYTE: i32 = 12;

/// What of a module the probe has to know.
#[derive(Default)]
struct Seen {
    fd_write: Option<u32>,
    functions: u32,
    types: u32,
    start: Option<u32>,
    memory: bool,
}

/// The module with the probe in it.
///
/// # Errors
/// When it is malformed, does not import `fd_write` of WASI preview 1, or has no `_start` or no memory.
pub fn with_probe(module: &[u8]) -> Result<Vec<u8>> {
    let seen = look(module)?;
    let fd_write = seen.fd_write.context("it does not import fd_write")?;
    let start = seen.start.context("it does not export _start")?;
    ensure!(seen.memory, "it has no memory");
    let mut made = Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        let Some((id, range)) = payload.as_section() else { continue };
        let bytes = &module[usize::try_from(range.start)?..usize::try_from(range.end)?];
        match payload {
            Payload::TypeSection(_) => {
                let mut one = TypeSection::new();
                one.ty().function([], []);
                made.section(&joined(id, bytes, &one)?);
            }
            Payload::FunctionSection(_) => {
                let mut one = FunctionSection::new();
                one.function(seen.types);
                made.section(&joined(id, bytes, &one)?);
            }
            Payload::CodeSectionStart { .. } => {
                let mut one = CodeSection::new();
                one.function(&probe(fd_write, start));
                made.section(&joined(id, bytes, &one)?);
            }
            Payload::ExportSection(exports) => {
                made.section(&redirected(exports, seen.functions)?);
            }
            _ => {
                made.section(&RawSection { id, data: bytes });
            }
        }
    }
    Ok(made.finish())
}

fn look(module: &[u8]) -> Result<Seen> {
    let mut seen = Seen::default();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::TypeSection(types) => {
                for group in types {
                    seen.types += u32::try_from(group?.types().len())?;
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import?;
                    match import.ty {
                        TypeRef::Func(_) | TypeRef::FuncExact(_) => {
                            if import.name == "fd_write" && import.module.starts_with("wasi_") {
                                seen.fd_write = Some(seen.functions);
                            }
                            seen.functions += 1;
                        }
                        TypeRef::Memory(_) => seen.memory = true,
                        _ => {}
                    }
                }
            }
            Payload::FunctionSection(functions) => seen.functions += functions.count(),
            Payload::MemorySection(memories) => seen.memory |= memories.count() > 0,
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    if export.name == "_start" && export.kind == ExternalKind::Func {
                        seen.start = Some(export.index);
                    }
                }
            }
            Payload::ComponentSection { .. } => bail!("it is a component"),
            _ => {}
        }
    }
    Ok(seen)
}

/// A section with what another of its kind holds at its end.
fn joined(id: u8, bytes: &[u8], more: &impl wasm_encoder::Encode) -> Result<OwnedSection> {
    let mut one = Vec::new();
    more.encode(&mut one);
    // The encoder puts the size in front, then the count.
    let mut reader = BinaryReader::new(&one, 0);
    reader.read_var_u32()?;
    ensure!(reader.read_var_u32()? == 1, "not one item");
    let item = &one[usize::try_from(reader.original_position())?..];

    let mut reader = BinaryReader::new(bytes, 0);
    let count = reader.read_var_u32()?;
    let mut data = Vec::with_capacity(bytes.len() + item.len() + 5);
    wasm_encoder::Encode::encode(&count.checked_add(1).context("too many items")?, &mut data);
    data.extend_from_slice(&bytes[usize::try_from(reader.original_position())?..]);
    data.extend_from_slice(item);
    Ok(OwnedSection { id, data })
}

/// A section whose bytes are its own.
struct OwnedSection {
    id: u8,
    data: Vec<u8>,
}

impl wasm_encoder::Encode for OwnedSection {
    fn encode(&self, sink: &mut Vec<u8>) {
        self.data.encode(sink);
    }
}

impl wasm_encoder::Section for OwnedSection {
    fn id(&self) -> u8 {
        self.id
    }
}

/// The exports, with `_start` leading to `probe`.
fn redirected(exports: wasmparser::ExportSectionReader<'_>, probe: u32) -> Result<ExportSection> {
    let mut made = ExportSection::new();
    for export in exports {
        let export = export?;
        let (kind, index) = match (export.name, export.kind) {
            ("_start", ExternalKind::Func) => (ExportKind::Func, probe),
            (_, ExternalKind::Func | ExternalKind::FuncExact) => (ExportKind::Func, export.index),
            (_, ExternalKind::Table) => (ExportKind::Table, export.index),
            (_, ExternalKind::Memory) => (ExportKind::Memory, export.index),
            (_, ExternalKind::Global) => (ExportKind::Global, export.index),
            (_, ExternalKind::Tag) => (ExportKind::Tag, export.index),
        };
        made.export(export.name, kind, index);
    }
    Ok(made)
}

/// Saves two words of memory, writes a newline by `fd_write`, restores them, calls `start`.
fn probe(fd_write: u32, start: u32) -> Function {
    const LOCALS: u32 = 2;
    let word = |address: i32| MemArg {
        offset: address as u64,
        align: 3,
        target: MemArgTarget::Memory(0),
        ordering: None,
    };
    let half = |address: i32| MemArg {
        offset: address as u64,
        align: 2,
        target: MemArgTarget::Memory(0),
        ordering: None,
    };
    let mut body = Function::new([(LOCALS, wasm_encoder::ValType::I64)]);
    let mut code = body.instructions();
    for local in 0..LOCALS {
        code.i32_const(0).i64_load(word(8 * local as i32)).local_set(local);
    }
    code.i32_const(0).i32_const(BYTE).i32_store(half(VECTOR));
    code.i32_const(0).i32_const(1).i32_store(half(VECTOR + 4));
    code.i32_const(0).i32_const(i32::from(b'\n')).i32_store(half(BYTE));
    code.i32_const(1).i32_const(VECTOR).i32_const(1).i32_const(WRITTEN).call(fd_write).drop();
    for local in 0..LOCALS {
        code.i32_const(0).local_get(local).i64_store(word(8 * local as i32));
    }
    code.call(start).end();
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: &str = r#"(module
        (import "env" "other" (func (param f64)))
        (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func $inner (result i32) (i32.const 1))
        (func (export "_start") (drop (call $inner)))
        (data (i32.const 0) "kept"))"#;

    #[test]
    fn a_probed_module_is_valid_and_starts_at_the_probe() {
        let module = with_probe(&wat::parse_str(PROGRAM).unwrap()).unwrap();
        wasmparser::validate(&module).unwrap();
        let seen = look(&module).unwrap();
        // Two imports, two functions, the probe.
        assert_eq!((seen.fd_write, seen.functions, seen.start), (Some(1), 5, Some(4)));
    }

    #[test]
    fn what_cannot_be_probed_is_refused_with_the_reason() {
        let refusal = |text: &str| with_probe(&wat::parse_str(text).unwrap()).unwrap_err().to_string();
        assert_eq!(refusal("(module (func (export \"_start\")))"), "it does not import fd_write");
        let import =
            r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#;
        assert_eq!(refusal(&format!("(module {import})")), "it does not export _start");
        assert_eq!(refusal(&format!("(module {import} (func (export \"_start\")))")), "it has no memory");
        assert!(with_probe(b"\0asm\x01\0\0\0\x01").is_err());
    }
}
