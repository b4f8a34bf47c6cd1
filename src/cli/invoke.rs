//! Values as people type and read them: arguments of `--invoke` by the function's type, results as lines. Calls
//! nothing.

use crate::{AsContext, AsContextMut, ExternType, Func, Instance, Module, Result, Val, ValType};
use anyhow::bail;
use std::ffi::OsString;
use std::str::FromStr;
use wast::core::WastArgCore;
use wast::parser::ParseBuffer;

/// The exported function `name`.
///
/// # Errors
/// When there is none: what is there instead, or is called nearly so.
pub(super) fn exported(
    instance: Instance,
    mut store: impl AsContextMut,
    module: &Module,
    name: &str,
) -> Result<Func> {
    if let Some(func) = instance.get_func(&mut store, name) {
        return Ok(func);
    }
    match module.get_export(name) {
        Some(ty) => bail!("the export `{name}` is {}, no function", kind(&ty)),
        None => bail!("no exported function `{name}`{}", candidates(module, name)),
    }
}

fn kind(ty: &ExternType) -> &'static str {
    match ty {
        ExternType::Func(_) => "a function",
        ExternType::Global(_) => "a global",
        ExternType::Table(_) => "a table",
        ExternType::Memory(_) => "a memory",
        ExternType::Tag(_) => "a tag",
    }
}

/// Exported functions in a message, for who has to choose one.
const SHOWN: usize = 8;

/// What else could be meant by `name`: the export that is called nearly so, else all functions.
fn candidates(module: &Module, name: &str) -> String {
    let functions =
        || module.exports().filter(|export| export.ty().func().is_some()).map(|export| export.name());
    let nearness = |known: &str| strsim::jaro_winkler(name, known);
    let nearest = functions().max_by(|a, b| nearness(a).total_cmp(&nearness(b)));
    match nearest.filter(|known| nearness(known) > 0.8) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => listed(functions().count(), functions()),
    }
}

/// The functions that a module exports, behind a message.
pub(super) fn functions(module: &Module) -> String {
    let functions =
        || module.exports().filter(|export| export.ty().func().is_some()).map(|export| export.name());
    listed(functions().count(), functions())
}

fn listed<'a>(count: usize, names: impl Iterator<Item = &'a str>) -> String {
    let shown: Vec<String> = names.take(SHOWN).map(|name| format!("`{name}`")).collect();
    match count {
        0 => "; it exports no function".into(),
        1..=SHOWN => format!("; it exports {}", shown.join(", ")),
        _ => format!("; it exports {} and {} more", shown.join(", "), count - SHOWN),
    }
}

/// Reads the arguments of the function `name`.
///
/// # Errors
/// When there are too many or too few, or one is not of its parameter's type.
pub(super) fn arguments(
    name: &str,
    func: Func,
    store: impl AsContext,
    args: &[OsString],
) -> Result<Vec<Val>, String> {
    let ty = func.ty(store);
    let wanted = ty.params().len();
    if wanted != args.len() {
        let arguments = if wanted == 1 { "argument" } else { "arguments" };
        return Err(format!("`{name}` {ty} takes {wanted} {arguments}, {} given", args.len()));
    }
    let args = ty.params().zip(args).enumerate();
    args.map(|(i, (ty, arg))| {
        let text = arg.to_string_lossy();
        read(ty, &text)
            .ok_or_else(|| format!("argument {} of `{name}`: '{}' is no {ty}", i + 1, shortened(&text)))
    })
    .collect()
}

/// The start of a long text.
fn shortened(text: &str) -> String {
    const LEN: usize = 40;
    match text.char_indices().nth(LEN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

/// Integers may be signed or not, in decimal or, behind `0x`, in hexadecimal digits; floats are Rust's, which knows
/// `nan` and `inf` too, or the text format's; vectors are 128 bits behind `0x` or the text format's, with or without
/// spaces: `i32x4:1,2,3,4`. References can only be `null`.
fn read(ty: ValType, text: &str) -> Option<Val> {
    match ty {
        ValType::I32 => integer(text, i64::from(i32::MIN), u32::MAX.into()).map(|bits| Val::I32(bits as i32)),
        ValType::I64 => integer(text, i64::MIN, u64::MAX).map(|bits| Val::I64(bits as i64)),
        ValType::F32 => f32::from_str(text).map(Val::from).ok().or_else(|| of_text_format("f32", text)),
        ValType::F64 => f64::from_str(text).map(Val::from).ok().or_else(|| of_text_format("f64", text)),
        ValType::V128 => match text.strip_prefix("0x") {
            Some(hex) if !hex.starts_with('+') => u128::from_str_radix(hex, 16).map(Val::from).ok(),
            _ => of_text_format("v128", &text.replace([':', ','], " ")),
        },
        ValType::Ref(_) if text == "null" => Val::default_for_ty(&ty),
        ValType::Ref(_) => None,
    }
}

/// A constant as the text format has it.
fn of_text_format(ty: &str, text: &str) -> Option<Val> {
    let constant = format!("{ty}.const {text}");
    let buffer = ParseBuffer::new(&constant).ok()?;
    Some(match wast::parser::parse::<WastArgCore<'_>>(&buffer).ok()? {
        WastArgCore::F32(v) => Val::F32(v.bits),
        WastArgCore::F64(v) => Val::F64(v.bits),
        WastArgCore::V128(v) => u128::from_le_bytes(v.to_le_bytes()).into(),
        _ => return None,
    })
}

/// The bits of an integer from `min` to `max`.
fn integer(text: &str, min: i64, max: u64) -> Option<u64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let magnitude = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    let magnitude = magnitude.ok().filter(|_| !digits.starts_with('+'))?;
    match negative {
        true => (magnitude <= min.unsigned_abs()).then(|| magnitude.wrapping_neg()),
        false => (magnitude <= max).then_some(magnitude),
    }
}

/// As many values as `func` has results.
pub(super) fn room_for_results(func: Func, store: impl AsContext) -> Vec<Val> {
    vec![Val::I32(0); func.ty(store).results().len()]
}

/// Results, one a line.
pub(super) fn show(results: &[Val]) -> String {
    results.iter().map(|value| format!("{}\n", show_one(value))).collect()
}

fn show_one(value: &Val) -> String {
    match value {
        Val::I32(v) => v.to_string(),
        Val::I64(v) => v.to_string(),
        Val::F32(bits) => float(f32::from_bits(*bits), bits >> 31 != 0, bits & 0x7f_ffff, 1 << 22),
        Val::F64(bits) => float(f64::from_bits(*bits), bits >> 63 != 0, bits & 0xf_ffff_ffff_ffff, 1 << 51),
        Val::V128(v) => format!("{:#034x}", v.as_u128()),
        Val::FuncRef(None) => "null funcref".into(),
        Val::FuncRef(Some(_)) => "funcref".into(),
        Val::ExternRef(None) => "null externref".into(),
        Val::ExternRef(Some(_)) => "externref".into(),
        Val::ExnRef(None) => "null exnref".into(),
        Val::ExnRef(Some(_)) => "exnref".into(),
    }
}

/// A float; of one that is no number, the sign and what it carries are told unless that is `usual`.
fn float<F: std::fmt::Display, P: Into<u64>>(value: F, negative: bool, payload: P, usual: u64) -> String {
    let text = value.to_string();
    let (sign, payload) = (if negative { "-" } else { "" }, payload.into());
    match &text[..] {
        "NaN" if payload == usual => format!("{sign}NaN"),
        "NaN" => format!("{sign}nan:{payload:#x}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn i32_of(text: &str) -> Option<i32> {
        read(ValType::I32, text).map(|value| value.unwrap_i32())
    }

    #[test]
    fn integers_fit_their_bits_signed_or_not() {
        assert_eq!(i32_of("-1"), Some(-1));
        assert_eq!(i32_of("4294967295"), Some(-1));
        assert_eq!(i32_of("-2147483648"), Some(i32::MIN));
        assert_eq!(i32_of("0xffff_ffff"), None);
        assert_eq!(i32_of("-0x10"), Some(-16));
        for wrong in ["4294967296", "-2147483649", "", "-", "1.5", "+1", "-+1", "0x", "x"] {
            assert_eq!(i32_of(wrong), None, "{wrong}");
        }
        assert_eq!(read(ValType::I64, "18446744073709551615").map(|v| v.unwrap_i64()), Some(-1));
    }

    #[test]
    fn floats_and_vectors_are_read_and_shown() {
        let shown = |ty, text| read(ty, text).map(|value| show_one(&value));
        for (ty, text, value) in [
            (ValType::F32, "1.5", "1.5"),
            (ValType::F32, "-0", "-0"),
            (ValType::F32, "0x1.8p1", "3"),
            (ValType::F32, "nan", "NaN"),
            (ValType::F64, "-nan", "-NaN"),
            (ValType::F64, "-nan:0x1", "-nan:0x1"),
            (ValType::F32, "nan:0x200000", "nan:0x200000"),
            (ValType::F64, "-inf", "-inf"),
            (ValType::V128, "0x2a", "0x0000000000000000000000000000002a"),
            (ValType::V128, "i32x4:1,2,3,-1", "0xffffffff000000030000000200000001"),
            (ValType::V128, "f64x2 0 1", "0x3ff00000000000000000000000000000"),
            (ValType::FUNCREF, "null", "null funcref"),
            (ValType::EXTERNREF, "null", "null externref"),
        ] {
            assert_eq!(shown(ty, text).as_deref(), Some(value), "{text}");
        }
        for (ty, wrong) in [
            (ValType::F32, "x"),
            (ValType::F64, "1) (f64.const 1"),
            (ValType::V128, "1"),
            (ValType::V128, "i32x4:1,2,3"),
            (ValType::V128, "0x+1"),
            (ValType::FUNCREF, "0"),
        ] {
            assert_eq!(shown(ty, wrong), None, "{wrong}");
        }
        assert_eq!(shortened(&"1".repeat(41)), "1".repeat(40) + "…");
    }

    #[test]
    fn results_are_one_a_line() {
        assert_eq!(
            show(&[Val::I32(-7), Val::F32(1.5_f32.to_bits()), Val::F64(f64::NAN.to_bits())]),
            "-7\n1.5\nNaN\n"
        );
        assert_eq!(show(&[]), "");
    }
}
