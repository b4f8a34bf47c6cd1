//! A third placeholder, a small one: stencils are made with large constants and used with small ones too, for which
//! Cranelift might choose other instructions. It does not.

use super::survey::{Survey, forms};
use super::{Class, Table, words, x86_64};
use std::fmt::Write;

/// Small constants, of both signs; none stands in any code for anything else.
const SMALL: [[i64; 5]; 2] = [[77, 93, 109, 0, 0], [-77, -93, -109, 0, 0]];
/// The same of shift amounts.
const AMOUNTS: [[i64; 5]; 2] = [[19; 5], [20; 5]];

/// Assembly in which constants are called by their operands, and so is what the amount of a shift lacks to the width
/// of what is shifted, `limit`.
fn named(
    assembly: &str,
    constants: [i64; 5],
    limit: Option<u8>,
    is_constant: impl Fn(usize) -> bool,
) -> String {
    let mut text = String::new();
    let mut rest = assembly;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let signed = rest[..start].ends_with('-');
        let word = rest[start..].find(|c: char| !c.is_ascii_alphanumeric()).map_or(rest.len(), |n| start + n);
        let of_a_name = rest[..start].ends_with(|c: char| c.is_ascii_alphanumeric());
        let number = match rest[start..word].strip_prefix("0x") {
            _ if of_a_name => None,
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None => rest[start..word].parse().ok(),
        };
        let value = number.map(|number| if signed { number.wrapping_neg() } else { number });
        let find = |wanted: &dyn Fn(i64) -> i64| {
            (0..5).find(|n| {
                is_constant(*n) && value.is_some_and(|value| value as u32 == wanted(constants[*n]) as u32)
            })
        };
        let before = &rest[..start - usize::from(signed)];
        let lacks = limit.and_then(|limit| find(&|constant| i64::from(limit) - constant));
        match (find(&|constant| constant), lacks) {
            (Some(n), _) => write!(text, "{before}C{n}").unwrap(),
            (None, Some(n)) => write!(text, "{before}W-C{n}").unwrap(),
            (None, None) => text.push_str(&rest[..word]),
        }
        rest = &rest[word..];
    }
    text + rest
}

#[test]
fn small_constants_get_the_instructions_of_large_ones() {
    let (survey, table) = (Survey::new(), Table::new(x86_64(3), true).unwrap());
    let (mut compared, mut others) = (0, String::new());
    for spelled in &survey.operators {
        let row = survey.row(&table, spelled).unwrap();
        for form in forms(row, spelled.bytes[0]) {
            let constant = |n: usize| n < row.params.len() && form.class(n) == Class::Constant;
            let instance = survey.instance(spelled);
            if !(0..5).any(constant) || table.make(row, form, instance).is_err() {
                continue;
            }
            let large = table.constants(row)[0];
            let assembly = table.assembly(row, form, instance, large);
            let expected = named(&assembly, large, row.amount, constant);
            assert_ne!(expected, assembly, "{} without its constants", spelled.name);
            for small in if row.amount.is_some() { AMOUNTS } else { SMALL } {
                compared += 1;
                let actual = named(&table.assembly(row, form, instance, small), small, row.amount, constant);
                if actual != expected {
                    writeln!(others, "{} {} with {small:?}", spelled.name, words(form, spelled)).unwrap();
                    for (old, new) in expected.lines().zip(actual.lines()).filter(|(old, new)| old != new) {
                        writeln!(others, "  {} -> {}", old.trim(), new.trim()).unwrap();
                    }
                }
            }
        }
    }
    println!("{compared} forms with small constants");
    assert!(compared > 1000);
    assert!(others.is_empty(), "for small constants there are other instructions:\n{others}");
}
