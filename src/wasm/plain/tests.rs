//! What is called valid here, the parser's validator must call valid; of what is plain, they must agree on both.

use super::super::validate::Bodies;
use super::super::{Features, Module, ModuleBytes};
use super::{Buffers, is_valid};
use latier_runtime::abi::FuncIndex;
use latier_runtime::types::TypeRegistry;
use std::path::Path;

/// Types, functions, globals, memory and table for bodies to refer to, by small indices. Function 0 is the body's own.
const AROUND: &str = r#"(module
    (type (func)) (type (func (param i32 i64) (result f32))) (type (func (result i32)))
    (type (func (param f64 f32))) (type (func (result i32 i32)))
    (type (func (param i64))) (type (func (result exnref))) (type (func (result i32 i32 exnref)))
    (import "" "a" (func (type 1))) (import "" "b" (func (type 2)))
    (import "" "c" (func (type 3))) (import "" "d" (func (type 4)))
    (tag (type 0)) (tag (type 5)) (tag (param i32 i32))
    (memory 1) (table 1 funcref) (table 1 externref)
    (global i32 (i32.const 0)) (global (mut i64) (i64.const 0)) (global (mut externref) (ref.null extern))
    (func (type TYPE) unreachable))"#;
const OWN: u32 = 4;

struct Both {
    module: Module,
    buffers: Buffers,
    valid: usize,
    invalid: usize,
}

impl Both {
    /// Bodies of functions of AROUND's type with this number.
    fn new(ty: u32) -> Both {
        let bytes = wat::parse_str(AROUND.replace("TYPE", &ty.to_string())).unwrap();
        let module = Module::parse(ModuleBytes::from(bytes), Features::default(), &TypeRegistry::new());
        Both { module: module.unwrap(), buffers: Buffers::default(), valid: 0, invalid: 0 }
    }

    /// What is said of a body here and by the parser.
    fn say(&mut self, function: u32, body: &[u8]) -> (bool, bool) {
        let Module { desc, bodies, features, .. } = &self.module;
        let here = is_valid(desc, desc.functions[function as usize], body, &mut self.buffers);
        let there = Bodies::validate_with(bodies, *features, desc, FuncIndex(function), 0, body).is_ok();
        assert!(there || !here, "{body:02x?} is not valid");
        self.valid += usize::from(there);
        self.invalid += usize::from(!there);
        (here, there)
    }

    /// A body of plain operators, on which both must agree.
    fn agree(&mut self, body: &[u8]) {
        let (here, there) = self.say(OWN, body);
        assert_eq!(here, there, "{body:02x?}");
    }
}

/// Numbers that are no less random for being the same in every run (Marsaglia, "Xorshift RNGs", 2003).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}

/// A local of each type.
const LOCALS: [u8; 11] = [5, 1, 0x7f, 1, 0x7e, 1, 0x7d, 1, 0x7c, 1, 0x69];
/// What gives a value of each type.
const VALUES: [&[u8]; 5] =
    [&[0x41, 0], &[0x42, 0], &[0x43, 0, 0, 0, 0], &[0x44, 0, 0, 0, 0, 0, 0, 0, 0], &[0x20, 4]];

/// Operators with all immediates that matter, as far as they are plain.
fn operators() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = (0x45..=0xc4).map(|opcode| vec![opcode]).collect();
    for opcode in 0x28..=0x3e {
        all.extend((0..5).map(|align| vec![opcode, align, 0x80, 0x01]));
    }
    all.extend((0..8).map(|opcode| vec![0xfc, opcode]));
    all.extend([vec![0xfc, 10, 0, 0], vec![0xfc, 11, 0], vec![0xfc, 11, 1], vec![0x3f, 0], vec![0x40, 0]]);
    all.extend([0x00, 0x01, 0x0f, 0x1a, 0x1b].map(|opcode| vec![opcode]));
    all.extend(VALUES.map(Vec::from));
    all.push(vec![0x0a]);
    for opcode in [0x08, 0x0c, 0x0d, 0x10, 0x20, 0x21, 0x22] {
        all.extend((0..6).map(|index| vec![opcode, index]));
    }
    all.extend([0x23, 0x24].into_iter().flat_map(|opcode| [0, 1, 9].map(|index| vec![opcode, index])));
    all.extend((0..9).map(|ty| vec![0x11, ty, 0]));
    all
}

#[test]
fn every_operator_takes_and_gives_what_the_parser_says() {
    let mut both = Both::new(0);
    for operator in operators() {
        // Up to three operands of all types, and what becomes of a result of each.
        for operands in 0..1 + 5 + 25 + 125usize {
            let (count, mut rest) = match operands {
                0 => (0, 0),
                1..6 => (1, operands - 1),
                6..31 => (2, operands - 6),
                _ => (3, operands - 31),
            };
            let mut body = LOCALS.to_vec();
            for _ in 0..count {
                body.extend(VALUES[rest % 5]);
                rest /= 5;
            }
            body.extend(&operator);
            for drops in 0..3 {
                both.agree(&[&body[..], &vec![0x1a; drops], &[0x0b]].concat());
            }
            for add in [0x45, 0x50, 0x8b, 0x99] {
                both.agree(&[&body[..], &[add, 0x1a, 0x0b]].concat());
            }
        }
    }
    assert!(both.valid > 1000 && both.invalid > 1000, "{} and {}", both.valid, both.invalid);
}

#[test]
fn random_bodies_are_judged_as_by_the_parser() {
    let (mut plain, mut numbers) = (operators(), Numbers(1));
    let few = plain.len();
    let types = [0x40, 0x7f, 0x7e, 0x69, 2, 4, 6, 7];
    for ty in types {
        // As likely as all others together: nests, branches, ends.
        let nests = [vec![0x02, ty], vec![0x03, ty], vec![0x04, ty], vec![0x05], vec![0x0b], vec![0x0b]];
        let mut catches = vec![vec![0x1f, ty, 0], vec![0x1f, ty, 1, 2, 0], vec![0x1f, ty, 1, 3, 0]];
        catches.extend((0..8).map(|n| vec![0x1f, ty, 2, n % 2, n / 2, 0, 2, 1]));
        let branches = [vec![0x0e, 1, 0, 1], vec![0x0e, 0, 0], vec![0x0d, 0], vec![0x41, 1], vec![0x42, 1]];
        let more: Vec<_> = nests.into_iter().chain(branches).chain(catches).collect();
        plain.extend((0..few / types.len()).map(|_| more[numbers.below(more.len())].clone()));
    }
    for ty in 0..8 {
        let (mut both, mut careful) = (Both::new(ty), 0);
        for _ in 0..40_000 {
            let mut body = LOCALS.to_vec();
            let mut open = 1usize;
            for _ in 0..numbers.below(9) {
                let operator = &plain[numbers.below(plain.len())];
                // Two operators in three stand where any operand will do.
                if numbers.below(3) > 0 {
                    body.push(0x00);
                }
                open += usize::from(matches!(operator[0], 0x02..=0x04 | 0x1f));
                open = open.saturating_sub(usize::from(operator[0] == 0x0b));
                body.extend(operator);
            }
            for _ in 0..open {
                body.extend(&[0x00, 0x0b][numbers.below(5) / 4..]);
            }
            let (here, there) = both.say(OWN, &body);
            careful += usize::from(here != there);
        }
        // Labels of one `br_table` may differ where it is not reached: that is not plain.
        assert!(both.valid > 1000 && both.invalid > 1000, "{} and {}", both.valid, both.invalid);
        assert!(careful * 200 < both.valid, "{careful} of {} were not plain", both.valid);
    }
}

#[test]
fn numbers_are_read_as_the_parser_does() {
    let mut both = Both::new(0);
    for opcode in [0x41, 0x42, 0x20, 0x10, 0x0c] {
        for len in 1..12 {
            for last in 0..=0xff {
                for other in [0x80, 0xff] {
                    let mut number = vec![other; len - 1];
                    number.push(last);
                    let body = [&[1, 1, 0x7f, opcode][..], &number, &[0x1a, 0x0b]].concat();
                    both.agree(&body);
                }
            }
        }
    }
    assert!(both.valid > 100 && both.invalid > 100, "{} and {}", both.valid, both.invalid);
}

#[test]
fn locals_are_declared_as_the_parser_says() {
    for (count, ty, valid) in [
        (&[0x01][..], 0x7f, true),
        (&[0xd0, 0x86, 0x03], 0x7e, true),
        (&[0xd1, 0x86, 0x03], 0x7e, false),
        (&[0xff, 0xff, 0xff, 0xff, 0x0f], 0x7d, false),
        (&[0x01], 0x60, false),
        (&[0x02], 0x7b, true),
    ] {
        let body = [&[1], count, &[ty, 0x0b]].concat();
        let mut both = Both::new(0);
        both.agree(&body);
        assert_eq!(both.valid == 1, valid, "{body:02x?}");
    }
}

#[test]
fn changed_bytes_of_a_real_program_are_never_taken_for_valid() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("wasm-tests/programs/lua/lua.wasm");
    let bytes = ModuleBytes::from(std::fs::read(program).unwrap());
    let module = Module::parse(bytes, Features::default(), &TypeRegistry::new()).unwrap();
    let (first, count) = (module.desc.func_imports, module.defined_functions());
    let mut both = Both { module, buffers: Buffers::default(), valid: 0, invalid: 0 };
    let (mut numbers, mut size, mut plain) = (Numbers(7), 0, 0);
    for function in first..first + count {
        let mut body = both.module.body(FuncIndex(function)).unwrap().bytes;
        size += body.len();
        plain += if both.say(function, &body).0 { body.len() } else { 0 };
        if body.len() > 4096 {
            continue;
        }
        for _ in 0..body.len() / 4 {
            let at = numbers.below(body.len());
            let was = std::mem::replace(&mut body[at], numbers.below(256) as u8);
            both.say(function, &body);
            body[at] = was;
        }
        // Cut, and with something behind.
        both.say(function, &body[..body.len() - 1]);
        body.push(0x0b);
        both.say(function, &body);
    }
    assert!(both.valid > 1000 && both.invalid > 1000, "{} and {}", both.valid, both.invalid);
    assert!(plain * 100 > size * 98, "{plain} bytes of {size} are plain");
}
