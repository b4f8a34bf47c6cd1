//! Programs that throw and catch in every way there is, made by chance: `try_table` and the older `try`, `delegate`,
//! `rethrow`, throws with few values and with many, branches out of clauses, operands below all of it.

use crate::programs::alike;

const TAGS: &str = "
    (tag $none) (tag $int (param i32)) (tag $long (param i64 i64))
    (tag $many (param i32 i64 f32 f64 v128 i32 i64 v128 f64 i32))
";
/// Tags with what they carry.
const CARRIED: [(&str, &[&str]); 4] = [
    ("$none", &[]),
    ("$int", &["i32"]),
    ("$long", &["i64", "i64"]),
    ("$many", &["i32", "i64", "f32", "f64", "v128", "i32", "i64", "v128", "f64", "i32"]),
];
const TYPES: [&str; 4] = ["i32", "i64", "f64", "v128"];
const PROGRAMS: usize = 400;
const DEPTH: usize = 5;

/// A construct that is open.
#[derive(Clone, Copy, PartialEq)]
enum Label {
    /// Branches to it take a value of this type.
    Value(&'static str),
    /// Branches to it take nothing.
    Nothing,
    /// As the first, and it is the clause of a `try`.
    Clause(&'static str),
}

/// Writes programs by chance.
struct Writer {
    seed: u64,
    text: String,
    labels: Vec<Label>,
    notes: u32,
}

impl Writer {
    /// A number below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed >> 11) as usize % limit
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn put(&mut self, text: impl std::fmt::Display) {
        self.text.push_str(&format!("{text} "));
    }

    /// Notes that control came by.
    fn note(&mut self) {
        self.notes += 1;
        let n = self.notes;
        self.put(format_args!(
            "global.get $h i64.const 31 i64.mul i64.const {n} i64.add local.get $l i64.xor global.set $h"
        ));
    }

    /// Notes the value on top, of this type.
    fn weigh(&mut self, ty: &str) {
        self.put(match ty {
            "i32" => "i64.extend_i32_s",
            "f32" => "i32.reinterpret_f32 i64.extend_i32_u",
            "f64" => "i64.reinterpret_f64",
            "v128" => "i64x2.extract_lane 1",
            _ => "",
        });
        self.put("global.get $h i64.const 7 i64.rotl i64.xor global.set $h");
    }

    fn constant(&mut self, ty: &str) {
        let n = self.below(1000);
        self.put(match ty {
            "v128" => format!("v128.const i64x2 {n} {}", n * 3),
            _ => format!("{ty}.const {n}"),
        });
    }

    fn throw(&mut self) {
        let (tag, carried) = self.one_of(&CARRIED);
        for ty in carried {
            match self.below(3) {
                0 if TYPES.contains(ty) => self.expression(ty, 0),
                _ => self.constant(ty),
            }
        }
        self.put(format_args!("throw {tag}"));
    }

    /// What is done only with some inputs: `if` and its condition.
    fn sometimes(&mut self) {
        let (bits, which) = (self.one_of(&[1, 3, 7]), self.below(8));
        self.put(format_args!(
            "local.get $which i32.const {bits} i32.and i32.const {} i32.eq if",
            which & bits
        ));
        self.labels.push(Label::Nothing);
    }

    fn end(&mut self) {
        self.put("end");
        self.labels.pop();
    }

    fn statement(&mut self, depth: usize) {
        match self.below(9) {
            0 | 1 => self.note(),
            2 => {
                self.sometimes();
                self.throw();
                self.end();
            }
            3 => {
                let n = self.below(8);
                self.put(format_args!("local.get $which i32.const {n} i32.xor call $thrower local.set $l"));
            }
            4 => self.rethrow(),
            5 | 6 => self.branch(depth),
            7 => {
                let (ty, local) = self.one_of(&[("i32", "$i"), ("i64", "$l"), ("f64", "$f"), ("v128", "$v")]);
                self.expression(ty, depth);
                self.put(format_args!("local.set {local}"));
            }
            _ => {
                let ty = self.one_of(&TYPES);
                self.expression(ty, depth);
                self.weigh(ty);
            }
        }
    }

    /// Throws again what a clause around here has caught, if there is one.
    fn rethrow(&mut self) {
        let clauses = self.labels.iter().rev().enumerate();
        let clauses = clauses.filter(|(_, label)| matches!(label, Label::Clause(_))).map(|(n, _)| n);
        let clauses: Vec<_> = clauses.collect();
        if clauses.is_empty() {
            return self.note();
        }
        let depth = self.one_of(&clauses);
        self.sometimes();
        self.put(format_args!("rethrow {}", depth + 1));
        self.end();
    }

    fn branch(&mut self, depth: usize) {
        let n = self.below(self.labels.len());
        let label = self.labels[self.labels.len() - 1 - n];
        match label {
            Label::Value(ty) | Label::Clause(ty) if self.below(2) == 0 => {
                self.expression(ty, depth / 2);
                self.put(format_args!("local.get $which i32.const {} i32.eq br_if {n} drop", n + 1));
            }
            Label::Value(ty) | Label::Clause(ty) => {
                self.sometimes();
                self.expression(ty, depth / 2);
                self.put(format_args!("br {}", n + 1));
                self.end();
            }
            Label::Nothing => self.note(),
        }
    }

    fn expression(&mut self, ty: &'static str, depth: usize) {
        if depth == 0 {
            return match self.below(2) {
                0 => self.constant(ty),
                _ => self.put(match ty {
                    "i32" => "local.get $i",
                    "i64" => "local.get $l",
                    "f64" => "local.get $f",
                    _ => "local.get $v",
                }),
            };
        }
        match self.below(7) {
            0 => {
                self.expression(ty, depth - 1);
                self.expression(ty, depth - 1);
                self.put(match ty {
                    "i32" => "i32.add",
                    "i64" => "i64.sub",
                    "f64" => "f64.add",
                    _ => "i64x2.sub",
                });
            }
            1 => {
                self.put(format_args!("block (result {ty})"));
                self.inside(Label::Value(ty), ty, depth - 1);
                self.end();
            }
            2 | 3 => self.legacy(ty, depth - 1),
            4 => self.delegated(ty, depth - 1),
            5 => self.table(ty, depth - 1),
            _ => {
                self.put(format_args!("local.get $which i32.const 1 i32.and if (result {ty})"));
                self.inside(Label::Value(ty), ty, depth - 1);
                self.put("else");
                self.expression(ty, depth - 1);
                self.end();
            }
        }
    }

    /// Opens a construct with this label and puts something into it that gives a value.
    fn inside(&mut self, label: Label, ty: &'static str, depth: usize) {
        self.labels.push(label);
        for _ in 0..self.below(3) {
            self.statement(depth);
        }
        match self.below(30) {
            0 => self.throw(),
            _ => self.expression(ty, depth),
        }
    }

    /// `try` with clauses.
    fn legacy(&mut self, ty: &'static str, depth: usize) {
        self.put(format_args!("try (result {ty})"));
        self.inside(Label::Value(ty), ty, depth);
        for _ in 0..self.below(3) {
            let (tag, carried) = self.one_of(&CARRIED);
            self.put(format_args!("catch {tag}"));
            carried.iter().rev().for_each(|ty| self.weigh(ty));
            self.labels.pop();
            self.inside(Label::Clause(ty), ty, depth);
        }
        if self.below(2) == 0 {
            self.put("catch_all");
            self.labels.pop();
            self.inside(Label::Clause(ty), ty, depth);
        }
        self.end();
    }

    fn delegated(&mut self, ty: &'static str, depth: usize) {
        self.put(format_args!("try (result {ty})"));
        self.inside(Label::Value(ty), ty, depth);
        self.labels.pop();
        let to = self.below(self.labels.len());
        self.put(format_args!("delegate {to}"));
    }

    /// `try_table` whose clauses are blocks around it.
    fn table(&mut self, ty: &'static str, depth: usize) {
        let (tag, carried) = self.one_of(&CARRIED);
        let with_ref = self.below(2) == 0;
        let (results, clause) = match (self.below(3), with_ref) {
            (0, true) => ("exnref".into(), "catch_all_ref".into()),
            (0, false) => (String::new(), "catch_all".into()),
            (_, true) => (carried.join(" ") + " exnref", format!("catch_ref {tag}")),
            _ => (carried.join(" "), format!("catch {tag}")),
        };
        self.put(format_args!(
            "block (result {ty}) block (result {results}) try_table (result {ty}) ({clause} 0)"
        ));
        self.labels.extend([Label::Value(ty), Label::Nothing]);
        self.inside(Label::Value(ty), ty, depth);
        self.end();
        self.put("br 1");
        self.end();
        if with_ref {
            self.put("local.set $e");
            self.sometimes();
            self.put("local.get $e throw_ref");
            self.end();
        }
        if clause.contains('$') {
            carried.iter().rev().for_each(|ty| self.weigh(ty));
        }
        self.expression(ty, depth);
        self.end();
    }
}

/// A program that stands for a seed.
fn program(n: usize) -> String {
    let (text, labels) = (String::new(), vec![Label::Value("i64")]);
    let seed = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(n as u64 + 1);
    let mut writer = Writer { seed, text, labels, notes: 0 };
    let ty = writer.one_of(&TYPES);
    writer.expression(ty, DEPTH);
    writer.weigh(ty);
    format!(
        "(func (export \"p{n}\") (param $which i32) (result i64)
            (local $i i32) (local $l i64) (local $f f64) (local $v v128) (local $e exnref)
            i64.const {n} global.set $h {} global.get $h)\n",
        writer.text
    )
}

/// Throws one thing or another.
const THROWER: &str = "(func $thrower (param $which i32) (result i64)
    (if (i32.eq (local.get $which) (i32.const 1)) (then (throw $int (i32.const 10))))
    (if (i32.eq (local.get $which) (i32.const 2)) (then (throw $long (i64.const 20) (i64.const 5))))
    (if (i32.eq (local.get $which) (i32.const 3)) (then (throw $none)))
    (if (i32.eq (local.get $which) (i32.const 4)) (then (throw $many (i32.const 1) (i64.const 2) (f32.const 3)
        (f64.const 4) (v128.const i64x2 5 6) (i32.const 7) (i64.const 8) (v128.const i64x2 9 10) (f64.const 11)
        (i32.const 12))))
    (i64.const 99))";

#[test]
fn programs_that_throw() {
    let programs: String = (0..PROGRAMS).map(program).collect();
    let module = format!("(module {TAGS} (global $h (mut i64) (i64.const 0)) {THROWER} {programs})");
    let exports: Vec<String> = (0..PROGRAMS).map(|n| format!("p{n}")).collect();
    let outcomes = alike(&[&module], &exports, &[0, 1, 2, 3, 4, 5, 6, 7]);
    let uncaught = outcomes.iter().filter(|outcome| outcome.contains("exception")).count();
    println!("{} calls, {uncaught} exceptions that nothing caught", outcomes.len());
    assert!(uncaught > outcomes.len() / 50 && uncaught < outcomes.len() / 2);
    let words = ["rethrow", "delegate", "throw $many", "catch_all_ref", "catch $many", "br_if"];
    assert!(words.iter().all(|word| programs.contains(word)), "something is never tried");
}
