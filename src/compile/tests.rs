//! Tests of the backends on generated modules: that everything translates, what a few operators become, and that
//! objects depend on nothing but the body. (What code *does* is tested where it runs.)

use super::cranelift::{CraneliftBackend, assembly, clif};
use super::target::Settings;
use super::*;
use crate::object::read;
use crate::object::symbol::Symbol;
use crate::wasm::{self, Features, ModuleBytes};
use latier_runtime::abi::TrapCode;
use latier_runtime::sites::{Site, SiteKind, Sites};
use latier_runtime::types::TypeRegistry;
use std::fmt::Write as _;

mod loops;
mod promotion;

const BOTH: [Settings; 2] = [Settings::Fast, Settings::Optimized];

fn module_with(text: &str, features: &[&str]) -> wasm::Module {
    let bytes = wat::parse_str(text).unwrap_or_else(|e| panic!("{e}"));
    let mut on = Features::default();
    features.iter().for_each(|name| on.enable(name, true).unwrap());
    let module = wasm::Module::parse(ModuleBytes::from(bytes), on, &TypeRegistry::new());
    let module = module.unwrap_or_else(|e| panic!("{e}"));
    module.validate_all().unwrap_or_else(|e| panic!("{e}"));
    module
}

fn module(text: &str) -> wasm::Module {
    module_with(text, &[])
}

/// Calls `check` with each defined function's body.
fn bodies(module: &wasm::Module, mut check: impl FnMut(FunctionBody<'_>)) {
    for index in module.desc.func_imports..module.desc.functions.len() as u32 {
        let body = module.body(FuncIndex(index)).unwrap();
        check(FunctionBody::new(module, &body));
    }
}

/// Compiles every function under both settings; the verifier is on.
fn compile_all(module: &wasm::Module) -> Vec<Compiled> {
    let mut compiled = Vec::new();
    for settings in BOTH {
        let backend = CraneliftBackend::new(settings);
        bodies(module, |body| {
            compiled.push(backend.compile(&module.desc, body).unwrap_or_else(|e| panic!("{e}")))
        });
    }
    compiled
}

/// The intermediate form of the first defined function.
pub(super) fn first_clif(text: &str, settings: Settings) -> String {
    let module = module(text);
    let body = module.body(FuncIndex(module.desc.func_imports)).unwrap();
    clif(&module.desc, FunctionBody::new(&module, &body), settings).unwrap()
}

fn first_sites(compiled: &Compiled) -> Vec<Site> {
    Sites::new(read::parse(&compiled.object).unwrap().sites).collect()
}

/// A function for each of these operators, which takes the operands as parameters.
fn one_function_each(out: &mut String, params: &str, result: &str, operators: &[&str]) {
    for operator in operators {
        let gets: String = (0..params.split(' ').count()).map(|n| format!("local.get {n} ")).collect();
        writeln!(out, "(func (param {params}) (result {result}) {gets} {operator})").unwrap();
    }
}

#[test]
fn every_numeric_operator_compiles() {
    let mut text = String::from("(module ");
    for ty in ["i32", "i64"] {
        let names = |names: &str| names.split(' ').map(|n| format!("{ty}.{n}")).collect::<Vec<_>>();
        let each = |out: &mut String, params: &str, result: &str, list: &str| {
            let list = names(list);
            one_function_each(out, params, result, &list.iter().map(String::as_str).collect::<Vec<_>>());
        };
        let two = format!("{ty} {ty}");
        each(&mut text, &two, ty, "add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr");
        each(&mut text, &two, "i32", "eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u");
        each(&mut text, ty, ty, "clz ctz popcnt extend8_s extend16_s");
        each(&mut text, ty, "i32", "eqz");
        each(&mut text, "f32", ty, "trunc_f32_s trunc_f32_u trunc_sat_f32_s trunc_sat_f32_u");
        each(&mut text, "f64", ty, "trunc_f64_s trunc_f64_u trunc_sat_f64_s trunc_sat_f64_u");
    }
    for ty in ["f32", "f64"] {
        let names = |names: &str| names.split(' ').map(|n| format!("{ty}.{n}")).collect::<Vec<_>>();
        let each = |out: &mut String, params: &str, result: &str, list: &str| {
            let list = names(list);
            one_function_each(out, params, result, &list.iter().map(String::as_str).collect::<Vec<_>>());
        };
        let two = format!("{ty} {ty}");
        each(&mut text, &two, ty, "add sub mul div min max copysign");
        each(&mut text, &two, "i32", "eq ne lt gt le ge");
        each(&mut text, ty, ty, "abs neg sqrt ceil floor trunc nearest");
        each(&mut text, "i32", ty, "convert_i32_s convert_i32_u");
        each(&mut text, "i64", ty, "convert_i64_s convert_i64_u");
    }
    one_function_each(&mut text, "i64", "i32", &["i32.wrap_i64"]);
    one_function_each(&mut text, "i32", "i64", &["i64.extend_i32_s", "i64.extend_i32_u"]);
    one_function_each(&mut text, "i64", "i64", &["i64.extend32_s"]);
    one_function_each(&mut text, "f32", "i32", &["i32.reinterpret_f32"]);
    one_function_each(&mut text, "f64", "i64", &["i64.reinterpret_f64"]);
    one_function_each(&mut text, "i32", "f32", &["f32.reinterpret_i32"]);
    one_function_each(&mut text, "i64", "f64", &["f64.reinterpret_i64"]);
    one_function_each(&mut text, "f64", "f32", &["f32.demote_f64"]);
    one_function_each(&mut text, "f32", "f64", &["f64.promote_f32"]);
    one_function_each(&mut text, "i64 i64 i64 i64", "i64 i64", &["i64.add128", "i64.sub128"]);
    one_function_each(&mut text, "i64 i64", "i64 i64", &["i64.mul_wide_s", "i64.mul_wide_u"]);
    one_function_each(&mut text, "i64 i64 i32", "i64", &["select", "select (result i64)", "nop select"]);
    compile_all(&module(&(text + ")")));
}

/// Everything that works on memories, tables, globals and references.
const STATE: &str = r#"
    (import "m" "f" (func $imported (param i32 f64) (result i64)))
    (import "m" "g" (global $ig (mut i32)))
    (import "m" "k" (global $ik externref))
    (type $t (func (param i32) (result i32)))
    (table $funcs 10 funcref) (table $fixed 4 4 funcref) (table $refs 2 externref)
    (global $dg (mut f32) (f32.const 0)) (global $dk i64 (i64.const 7))
    (data $d "hello") (elem $e func $callee)
    (func $callee (type $t) local.get 0)
    (func (param i64 i64) (result i64)
        (drop (call $imported (i32.const 1) (f64.const 2)))
        (global.set $ig (i32.add (global.get $ig) (call $callee (i32.const 5))))
        (global.set $dg (f32.neg (global.get $dg)))
        (table.set $refs (i32.const 1) (global.get $ik))
        (drop (ref.is_null (table.get $refs (i32.const 0))))
        (drop (call_indirect $funcs (type $t) (i32.const 1) (i32.const 2)))
        (drop (call_indirect $fixed (type $t) (i32.const 1) (i32.const 2)))
        (table.set $funcs (i32.const 0) (ref.func $callee))
        (drop (table.grow $refs (ref.null extern) (table.size $refs)))
        (table.fill $funcs (i32.const 0) (ref.null func) (i32.const 3))
        (table.copy $fixed $funcs (i32.const 0) (i32.const 1) (i32.const 2))
        (table.init $funcs $e (i32.const 0) (i32.const 0) (i32.const 1))
        (elem.drop $e)
        (data.drop $d)
        (global.get $dk))"#;

/// Every access to memory 0, whose addresses are of type `ty`, with this offset.
fn accesses(ty: &str, offset: &str) -> String {
    let mut text = String::new();
    for load in
        ["i32.load", "i32.load8_s", "i32.load8_u", "i32.load16_s", "i32.load16_u", "f32.load", "f64.load"]
    {
        writeln!(text, "(func (param {ty}) (drop ({load} offset={offset} (local.get 0))))").unwrap();
    }
    for load in ["", "8_s", "8_u", "16_s", "16_u", "32_s", "32_u"] {
        writeln!(text, "(func (param {ty}) (drop (i64.load{load} offset={offset} (local.get 0))))").unwrap();
    }
    for (value, stores) in [("i32", "store store8 store16"), ("i64", "store store8 store16 store32")] {
        for store in stores.split(' ') {
            let (address, value_get) = ("local.get 0", "local.get 1");
            let store = format!("({value}.{store} offset={offset} ({address}) ({value_get}))");
            writeln!(text, "(func (param {ty} {value}) {store})").unwrap();
        }
    }
    for value in ["f32", "f64"] {
        let store = format!("({value}.store offset={offset} (local.get 0) (local.get 1))");
        writeln!(text, "(func (param {ty} {value}) {store})").unwrap();
    }
    let bulk = "(memory.copy (local.get 0) (local.get 0) (local.get 0)) \
        (memory.fill (local.get 0) (i32.const 1) (local.get 0)) \
        (memory.init $hello (local.get 0) (i32.const 1) (i32.const 2)) \
        (drop (memory.grow (memory.size)))";
    writeln!(text, "(data $hello \"hello\") (func (param {ty}) {bulk})").unwrap();
    text
}

#[test]
fn state_compiles_whatever_the_memory() {
    compile_all(&module(&format!("(module {STATE})")));
    for offset in ["0", "100", "0x1fffffc", "0x2000000", "0x7fffffff", "0xffffffff"] {
        compile_all(&module(&format!("(module (memory 1) {})", accesses("i32", offset))));
    }
    for offset in ["0", "0xffffffff", "0xffffffffffffffff"] {
        let text = format!("(module (memory i64 1) {})", accesses("i64", offset));
        compile_all(&module(&text));
    }
    let two = "(module (memory 1) (memory i64 1) (memory 2) (func (param i64) (result i32)
        (drop (i32.load 1 offset=4 (local.get 0)))
        (memory.copy 1 2 (local.get 0) (i32.const 0) (i32.const 9))
        (i32.load 2 (i32.wrap_i64 (memory.size 1)))))";
    compile_all(&module(two));
    let small_pages = "(module (memory 100 (pagesize 1)) (func (result i32) (i32.load (memory.size))))";
    compile_all(&module_with(small_pages, &["custom-page-sizes"]));
}

#[test]
fn values_travel_through_every_construct() {
    let text = r#"(module
        (type $swap (func (param i32 f64) (result f64 i32)))
        (func $many (param i64) (result i32 i64 f32 f64 i32 i32 i32 i32 i32 i32)
            i32.const 1 local.get 0 f32.const 2 f64.const 3
            i32.const 4 i32.const 5 i32.const 6 i32.const 7 i32.const 8 i32.const 9
            local.get 0 i32.wrap_i64 br_if 0
            return)
        (func (param i32) (result i32)
            i64.const 1 call $many drop drop drop drop drop drop drop drop drop)
        (func (type $swap) (local i32)
            local.get 0 local.get 1
            block (type $swap)
                local.get 0
                if (type $swap) local.set 1 local.set 2 local.get 1 local.get 2 br 1
                else local.set 1 local.set 2 local.get 1 local.get 2 end
            end)
        (func (param i32) (result i32)
            local.get 0 local.get 0
            if (param i32) (result i32) i32.const 1 i32.add end)
        (func (param i32) (result i32)
            local.get 0
            loop (param i32) (result i32) i32.const 1 i32.sub local.tee 0 local.get 0 br_if 0 end)
        (func (param i32) (result i32)
            block $a (result i32) block $b (result i32) block $c
                i32.const 7 local.get 0 br_table $a $b $a $b $b
            end unreachable end i32.const 3 i32.mul end)
        (func (param i32)
            block $a block $b loop $c local.get 0 br_table $a $b $c $c $a end end end)
        (func (param i32)
            local.get 0 if return else nop end
            local.get 0 if unreachable end
            loop br 0 end
            block block br 1 if i32.const 1 drop else nop end end end unreachable)
        (func (result i32) (return (i32.const 1)) (block (br 0)) drop)
        (func $nothing))"#;
    compile_all(&module(text));
}

#[test]
fn loads_from_guarded_memory_are_not_checked() {
    let text = |offset: u64| {
        format!(
            "(module (memory 1) (func (param i32) (result i32) (i32.load offset={offset} (local.get 0))))"
        )
    };
    for settings in BOTH {
        let within = first_clif(&text((32 << 20) - 4), settings);
        assert!(!within.contains(" trap"), "{within}");
        assert!(within.contains("load.i32 user2 little"), "{within}");
        let beyond = first_clif(&text((32 << 20) - 3), settings);
        assert!(beyond.contains("select_spectre_guard"), "{beyond}");
    }
}

#[test]
fn what_is_checked_is_masked() {
    let memory64 = "(module (memory i64 1) (func (param i64) (i32.store (local.get 0) (i32.const 1))))";
    let small_pages = "(module (memory 9 (pagesize 1)) (func (param i32) (drop (i64.load (local.get 0)))))";
    let get = "(module (table 2 funcref) (func (param i32) (result funcref) (table.get (local.get 0))))";
    let call = "(module (table i64 2 2 funcref) (func (param i64) (call_indirect (local.get 0))))";
    for (text, region) in
        [(memory64, "region1"), (small_pages, "region1"), (get, "region4"), (call, "region4")]
    {
        let module = module_with(text, &["custom-page-sizes"]);
        for settings in BOTH {
            bodies(&module, |body| {
                let text = clif(&module.desc, body, settings).unwrap();
                // The access has the guard's result as its address, and is what traps.
                let guard = text.lines().find(|line| line.contains("select_spectre_guard")).expect("a mask");
                let at = guard.split_whitespace().find(|word| word.starts_with('v')).expect("its name");
                let access = text.lines().find(|line| {
                    (line.contains("store") || line.contains(" load.")) && line.contains(region)
                });
                let access = access.expect("an access").split("  ;").next().unwrap_or_default();
                assert!(access.trim_end().ends_with(at) && access.contains(" user"), "{text}");
            });
        }
    }
}

#[test]
fn nothing_is_loaded_in_vain() {
    for settings in BOTH {
        let text = first_clif("(module (memory 1) (func (result i32) i32.const 1))", settings);
        let (_, code) = text.split_once("block0").unwrap();
        assert!(!code.contains("load"), "{text}");
    }
}

#[test]
fn slots_are_read_at_every_call() {
    let text = r#"(module (import "m" "f" (func)) (func (loop (call 0) (call 0) (br 0))))"#;
    let text = first_clif(text, Settings::Optimized);
    let slot_reads = text.lines().filter(|l| l.contains("load.i64 notrap aligned region"));
    assert_eq!(slot_reads.count(), 2, "{text}");
}

#[test]
fn numbers_and_callees_are_symbols() {
    let text = "(module (global (mut i32) (i32.const 0)) (func (result i32) (call 0) (drop) (global.get 0)))";
    let clif = first_clif(text, Settings::Fast);
    assert!(clif.contains("; u0:0 = Func(0)") && clif.contains("; u0:1 = Global(0)"), "{clif}");
    assert!(clif.contains("symbol_value") && !clif.contains("colocated"), "{clif}");
    let module = module(text);
    let body = module.body(FuncIndex(0)).unwrap();
    let body = FunctionBody::new(&module, &body);
    let assembly = assembly(&module.desc, body, Settings::Fast).unwrap();
    assert!(assembly.contains("u0:0 = Func(0)") && assembly.contains("call"), "{assembly}");
    for compiled in compile_all(&module) {
        let object = read::parse(&compiled.object).unwrap();
        let names: Vec<_> = object.relocations.iter().map(|r| object.name(r.symbol).unwrap()).collect();
        assert_eq!(names, ["func.0", "global.1"]);
    }
}

#[test]
fn equal_bodies_give_equal_objects() {
    let body = r#"(func $subject (param i32) (result i32)
        (drop (call $imported (i32.const 1)))
        (global.set $g (call $defined (global.get $g)))
        (drop (call_indirect (type $t) (local.get 0) (i32.load (local.get 0))))
        (table.init $e (i32.const 0) (i32.const 0) (i32.const 0))
        (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))
        (drop (ref.func $defined))
        (global.get $g))
        (elem declare func $defined)"#;
    let plain = format!(
        r#"(module (type $t (func (param i32) (result i32))) (import "m" "f" (func $imported (type $t)))
        (memory 1) (table 1 funcref) (global $g (mut i32) (i32.const 0)) (data $d "x") (elem $e func)
        (func $defined (type $t) local.get 0) {body})"#
    );
    let crowded = format!(
        r#"(module (type (func (param f64))) (type $t (func (param i32) (result i32)))
        (import "m" "x" (func (param i64))) (import "m" "f" (func $imported (type $t)))
        (import "m" "g" (global f64)) (memory 1) (table 1 funcref)
        (global (mut f64) (f64.const 0)) (global $g (mut i32) (i32.const 0))
        (data "y") (data $d "x") (elem func) (elem $e func)
        (func (param i32)) (func $defined (type $t) local.get 0) {body})"#
    );
    let (plain, crowded) = (module(&plain), module(&crowded));
    for settings in BOTH {
        let backend = CraneliftBackend::new(settings);
        let last = |module: &wasm::Module| {
            let body = module.body(FuncIndex(module.desc.functions.len() as u32 - 1)).unwrap();
            // Indices in the bytes differ, so the bodies are not equal byte by byte, only in what they mean.
            backend.compile(&module.desc, FunctionBody::new(module, &body)).unwrap()
        };
        let (a, b) = (last(&plain), last(&crowded));
        assert!(a.symbols != b.symbols);
        assert_eq!(a.symbols.get(0), Some(Symbol::FuncImport(0)));
        assert_eq!(b.symbols.get(0), Some(Symbol::FuncImport(1)));
        let sites_stripped = |c: &Compiled| {
            let object = read::parse(&c.object).unwrap();
            let names: Vec<_> = object
                .relocations
                .iter()
                .map(|r| (r.offset, object.name(r.symbol).unwrap().to_string()))
                .collect();
            (object.text.to_vec(), names)
        };
        assert_eq!(sites_stripped(&a), sites_stripped(&b));
        assert_eq!(a.object, b.object, "no index needs more bytes than another here");
    }
}

#[test]
fn sites_name_places_in_the_body() {
    // Body: 0 locals · 1 block · 3 local.get · 5 br_if · 7 i32.const · 9 call · 11 end · 12 i32.const · 14 call
    // · 16 unreachable.
    let text = "(module (func (param i32) (block (br_if 0 (local.get 0)) (call 0 (i32.const 0)))
        (call 0 (i32.const 0)) unreachable))";
    for compiled in compile_all(&module(text)) {
        let sites = first_sites(&compiled);
        let find = |kind| sites.iter().filter(|s| s.kind == kind).map(|s| s.wasm_offset).collect::<Vec<_>>();
        assert_eq!(find(SiteKind::Trap(TrapCode::StackOverflow)), [0], "{sites:?}");
        assert_eq!(find(SiteKind::Call), [9, 14], "{sites:?}");
        assert_eq!(find(SiteKind::Trap(TrapCode::Unreachable)), [16], "{sites:?}");
    }
}

#[test]
fn what_is_not_supported_is_named_and_the_next_body_compiles() {
    let text = "(module (func nop (drop (ref.i31 (i32.const 0)))) (func))";
    let module = module_with(text, &["gc"]);
    for settings in BOTH {
        let backend = CraneliftBackend::new(settings);
        let mut results = Vec::new();
        bodies(&module, |body| results.push(backend.compile(&module.desc, body)));
        let message = String::from("operator RefI31 is not supported");
        assert_eq!(results[0].as_ref().err(), Some(&CompileError { message, offset: Some(4) }));
        assert!(results[1].is_ok());
    }
}

#[test]
fn a_vector_is_cast_where_its_lanes_change_and_nowhere_else() {
    let text = "(module (func (param v128) (result v128)
        (f32x4.neg (i32x4.mul (i32x4.add (local.get 0) (local.get 0)) (i32x4.splat (i32.const 3))))))";
    let clif = first_clif(text, Settings::Fast);
    let line = |opcode: &str| clif.lines().find(|line| line.contains(opcode)).expect(opcode);
    let value = |opcode: &str| line(opcode).split_whitespace().nth(1).expect("a result");
    assert!(line(" imul ").contains(&format!("imul {},", value(" iadd "))), "{clif}");
    assert!(line(" fneg ").ends_with(value("bitcast.f32x4 ")), "{clif}");
}

#[test]
fn deep_nesting_neither_recurses_nor_explodes() {
    const DEPTH: usize = 100_000;
    let nested = |open: &str, inner: &str| {
        let text =
            format!("(module (func (param i32) {}{inner}{}))", open.repeat(DEPTH), " end".repeat(DEPTH));
        let module = module(&text);
        let backend = CraneliftBackend::new(Settings::Fast);
        bodies(&module, |body| drop(backend.compile(&module.desc, body).unwrap()));
    };
    nested("block ", "");
    nested("block ", "unreachable");
    nested("block ", "(br 99999)");
}

#[test]
fn more_locals_and_blocks_than_memory_holds_are_refused() {
    let gets: String = (0..49_990).map(|n| format!("local.get {n} drop ")).collect();
    let branches = "local.get 0 br_if 0 ".repeat(11_000);
    let module =
        module(&format!("(module (func (param i32) (local {}) {gets} {branches}))", "i32 ".repeat(49_990)));
    let backend = CraneliftBackend::new(Settings::Fast);
    bodies(&module, |body| {
        let error = backend.compile(&module.desc, body).unwrap_err();
        assert!(error.message.contains("too many locals") && error.offset.is_some(), "{error:?}");
    });
}

#[test]
fn what_is_hinted_to_be_improbable_lies_behind_the_rest() {
    let cold = |hint: &str, code: &str| {
        let code = code.replace('@', hint);
        let globals = "(global $a (mut i32) (i32.const 0)) (global $b (mut i32) (i32.const 0))";
        let text = format!("(module {globals} (func (param i32) {code}))");
        let clif = first_clif(&text, Settings::Fast);
        let blocks = clif.split(" block").filter(|text| text.lines().next().unwrap().ends_with(" cold:"));
        blocks.map(String::from).collect::<Vec<_>>()
    };
    let (no, yes) = (r#"(@metadata.code.branch_hint "\00")"#, r#"(@metadata.code.branch_hint "\01")"#);
    let arms =
        "@ (if (local.get 0) (then (global.set $a (i32.const 11))) (else (global.set $b (i32.const 22))))";
    let out = "(block (block @ (br_if 0 (local.get 0)) (global.set $a (i32.const 11)) (br 1))
        (global.set $b (i32.const 22)))";
    for (hint, code, number) in [(no, arms, "11"), (yes, arms, "22"), (no, out, "22"), (yes, out, "11")] {
        let cold = cold(hint, code);
        assert!(cold.len() == 1 && cold[0].contains(&format!("iconst.i32 {number}")), "{cold:?}");
    }
    // A block that is entered from above is as warm as what stands there.
    let warm =
        "(block @ (br_if 0 (local.get 0)) (global.set $a (i32.const 11))) (global.set $b (i32.const 22))";
    assert_eq!(cold(no, warm), [""; 0]);
    assert_eq!(cold("", arms), [""; 0]);
}
