//! Bodies around single operators: where each operand comes from, how many operands stand below, what becomes of the
//! result. Inputs and outputs are in the memory `$io`.

use crate::operators::{Group, type_of};
use crate::values;
use std::fmt::Write;

/// The address of the first input in `$io`; the next follow at a distance of 16.
pub const INPUTS: usize = 0;
/// The same of the operands below the operator's.
pub const BELOW: usize = 80;
/// The same of the results.
pub const RESULTS: usize = 144;
/// The same of the operands below, as they were found behind the operator.
pub const FOUND: usize = 176;
/// Where outputs end.
pub const END: usize = 224;

/// Where an operand comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Class {
    /// The result of the operator before.
    Register,
    /// A local that was just set.
    Held,
    /// A local.
    Memory,
    Constant,
    /// The operand stack, across the head of a loop.
    Home,
}

/// What becomes of the result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Use {
    Value,
    Tee,
    If,
    EqzIf,
    BrIf,
    /// A branch that takes a value along.
    BrIfValue,
}

const CONDITIONS: [Use; 6] = [Use::Value, Use::Tee, Use::If, Use::EqzIf, Use::BrIf, Use::BrIfValue];

/// One function.
pub struct Body {
    pub name: String,
    pub text: String,
    /// Kinds of its inputs and of its results.
    pub params: Vec<&'static str>,
    pub results: Vec<&'static str>,
    /// Whether its operator names anything of the module.
    pub names: bool,
    /// With how many inputs to run it.
    pub runs: usize,
}

/// How much of what is possible is tried.
#[derive(Clone, Copy, PartialEq)]
pub enum Extent {
    /// Every combination.
    Full,
    /// Every combination of classes, with one depth each.
    Brief,
}

/// Makes bodies; counts them, to vary what is not worth another dimension.
#[derive(Default)]
pub struct Bodies {
    pub made: Vec<Body>,
}

struct Shape<'a> {
    operator: &'a str,
    params: &'a [&'static str],
    results: &'a [&'static str],
    classes: &'a [Class],
    depth: usize,
    uses: Use,
}

impl Bodies {
    /// The bodies of every operator of a group.
    pub fn group(&mut self, group: &Group, conditions: bool) {
        for operator in &group.operators {
            self.operator(operator, group, Extent::Full, conditions);
        }
    }

    /// The bodies of one operator.
    pub fn operator(&mut self, operator: &str, group: &Group, extent: Extent, conditions: bool) {
        for (n, classes) in combinations(&group.params).iter().enumerate() {
            for depth in 0..4 {
                if extent == Extent::Brief && depth != (n + self.made.len()) % 4 {
                    continue;
                }
                let constant = classes.contains(&Class::Constant);
                let vector = |n: usize| classes[n] == Class::Constant && type_of(group.params[n]) == "v128";
                if depth > 0 && (0..classes.len()).any(vector) {
                    continue;
                }
                let plain = classes.iter().all(|c| *c == Class::Register || *c == Class::Memory);
                let all = group.results == ["i32"]
                    && (conditions || plain && extent == Extent::Full && depth == n % 4);
                let uses = match all {
                    true => &CONDITIONS[..],
                    false if group.results.is_empty() || depth > 0 => &CONDITIONS[..1],
                    false => &CONDITIONS[..2],
                };
                let rounds = if constant && extent == Extent::Full { 2 } else { 1 };
                for uses in uses.iter().flat_map(|uses| std::iter::repeat_n(*uses, rounds)) {
                    let (params, results) = (&group.params[..], &group.results[..]);
                    self.body(&Shape { operator, params, results, classes, depth, uses });
                }
            }
        }
    }

    fn body(&mut self, shape: &Shape<'_>) {
        let number = self.made.len();
        let mut name =
            format!("{} {:?} depth {} {:?}", shape.operator, shape.classes, shape.depth, shape.uses);
        let mut text = locals(shape);
        // Of the locals that are set one after the other at one place the last is still in a register.
        for n in 0..shape.params.len() {
            let ty = type_of(shape.params[n]);
            write!(text, "i32.const 0 {ty}.load $io offset={} local.set $a{n} ", INPUTS + 16 * n).unwrap();
        }
        text.push_str("i32.const 0 i64.load $io local.set $i i32.const 0 f64.load $io local.set $f ");
        let below: Vec<&str> =
            (0..shape.depth).map(|j| ["i64", "f64", "v128"][(number / 3 + j) % 3]).collect();
        for (j, ty) in below.iter().enumerate() {
            write!(text, "i32.const 0 {ty}.load $io offset={} ", BELOW + 16 * j).unwrap();
        }
        text.push_str(match shape.uses {
            Use::BrIf => "i32.const 3 local.set $r0 block ",
            Use::BrIfValue => "block (result i32) i32.const 11 ",
            _ => "",
        });
        for (n, class) in shape.classes.iter().enumerate() {
            operand(&mut text, &mut name, shape, n, *class, number);
        }
        if shape.classes.contains(&Class::Home) {
            text.push_str("loop end ");
        }
        text.push_str(shape.operator);
        text.push(' ');
        text.push_str(&used(shape));
        for (j, ty) in below.iter().enumerate().rev() {
            write!(
                text,
                "local.set $b{ty} i32.const 0 local.get $b{ty} {ty}.store $io offset={} ",
                FOUND + 16 * j
            )
            .unwrap();
        }
        for (n, kind) in shape.results.iter().enumerate() {
            let ty = type_of(kind);
            write!(text, "i32.const 0 local.get $r{n} {ty}.store $io offset={} ", RESULTS + 16 * n).unwrap();
        }
        let thorough = shape.depth == 0
            && shape.uses == Use::Value
            && shape.classes.iter().all(|c| *c == Class::Register);
        self.made.push(Body {
            name,
            text,
            params: shape.params.to_vec(),
            results: shape.results.to_vec(),
            names: shape.operator.contains('$'),
            runs: if thorough { 1000 } else { 24 },
        });
    }
}

/// The classes of operands to try together.
fn combinations(params: &[&str]) -> Vec<Vec<Class>> {
    use Class::*;
    if params.is_empty() {
        return vec![vec![]];
    }
    let mut all = vec![vec![]];
    if params.len() > 3 {
        all = vec![vec![Register; params.len()], vec![Memory; params.len()], vec![Constant; params.len()]];
        all.push((0..params.len()).map(|n| [Register, Constant, Memory, Register][n % 4]).collect());
    } else {
        for _ in params {
            let longer = |head: &Vec<Class>| {
                [Register, Memory, Constant]
                    .map(|class| head.iter().copied().chain([class]).collect::<Vec<_>>())
            };
            all = all.iter().flat_map(longer).collect();
        }
    }
    all.extend([vec![Home; params.len()], vec![Held; params.len()]]);
    all
}

fn locals(shape: &Shape<'_>) -> String {
    let mut text = String::from("(local $i i64) (local $f f64) (local $n i32) ");
    text.push_str("(local $bi64 i64) (local $bf64 f64) (local $bv128 v128) ");
    for (n, kind) in shape.params.iter().enumerate() {
        write!(text, "(local $a{n} {}) ", type_of(kind)).unwrap();
    }
    for (n, kind) in shape.results.iter().enumerate() {
        write!(text, "(local $r{n} {}) ", type_of(kind)).unwrap();
    }
    text
}

fn operand(text: &mut String, name: &mut String, shape: &Shape<'_>, n: usize, class: Class, number: usize) {
    let (kind, ty) = (shape.params[n], type_of(shape.params[n]));
    let load = format!("i32.const 0 {ty}.load $io offset={} ", INPUTS + 16 * n);
    match class {
        Class::Register | Class::Home => text.push_str(&load),
        Class::Held => write!(text, "{load} local.set $a{n} local.get $a{n} ").unwrap(),
        Class::Memory => write!(text, "local.get $a{n} ").unwrap(),
        Class::Constant => {
            let values = values::of(kind);
            let value = constant(ty, values[(number * 5 + n * 3) % values.len()]);
            write!(name, " {value}").unwrap();
            write!(text, "{value} ").unwrap();
        }
    }
}

/// A constant as text.
fn constant(ty: &str, bits: u128) -> String {
    let float = |value: f64, shown: String, negative: bool, payload: u64| match value.is_nan() {
        true => format!("{ty}.const {}nan:{payload:#x}", if negative { "-" } else { "" }),
        false => format!("{ty}.const {shown}"),
    };
    match ty {
        "f32" => {
            let value = f32::from_bits(bits as u32);
            float(value.into(), format!("{value:?}"), value.is_sign_negative(), bits as u64 & 0x7f_ffff)
        }
        "f64" => {
            let value = f64::from_bits(bits as u64);
            float(value, format!("{value:?}"), value.is_sign_negative(), bits as u64 & (u64::MAX >> 12))
        }
        "v128" => format!("v128.const i64x2 {} {}", bits as u64, (bits >> 64) as u64),
        _ => format!("{ty}.const {bits}"),
    }
}

/// What follows the operator: results end up in the locals `$r0` and `$r1`.
fn used(shape: &Shape<'_>) -> String {
    let choice = "if i32.const 7 local.set $r0 else i32.const 9 local.set $r0 end ";
    match shape.uses {
        Use::Value => (0..shape.results.len()).rev().map(|n| format!("local.set $r{n} ")).collect(),
        Use::Tee => {
            let top = shape.results.len() - 1;
            let rest = (0..top).rev().map(|n| format!("local.set $r{n} ")).collect::<String>();
            format!("local.tee $r{top} drop {rest}")
        }
        Use::If => choice.into(),
        Use::EqzIf => format!("i32.eqz {choice}"),
        Use::BrIf => "br_if 0 i32.const 5 local.set $r0 end ".into(),
        Use::BrIfValue => "br_if 0 drop i32.const 13 end local.set $r0 ".into(),
    }
}
