//! Values as people type and read them: arguments of `--invoke` by the function's type, results as lines. Calls
//! nothing.

use crate::{AsContext, Func, Val, ValType};
use std::ffi::OsString;
use std::str::FromStr;

/// Reads the arguments of `func`.
///
/// # Errors
/// When there are too many or too few, or one is not of its parameter's type.
pub(super) fn arguments(func: Func, store: impl AsContext, args: &[OsString]) -> Result<Vec<Val>, String> {
    let ty = func.ty(store);
    let wanted = ty.params().len();
    if wanted != args.len() {
        return Err(format!("the function takes {wanted} arguments, {} were given", args.len()));
    }
    let args = ty.params().zip(args).enumerate();
    args.map(|(i, (ty, arg))| {
        let text = arg.to_string_lossy();
        read(ty, &text).ok_or_else(|| match name(ty) {
            Some(name) => format!("argument {}: '{text}' is no {name}", i + 1),
            None => format!("argument {}: values of its type cannot be typed", i + 1),
        })
    })
    .collect()
}

/// Integers may be signed or not, in decimal or, behind `0x`, in hexadecimal digits; floats are Rust's, which knows
/// `nan` and `inf` too.
fn read(ty: ValType, text: &str) -> Option<Val> {
    match ty {
        ValType::I32 => integer(text, i64::from(i32::MIN), u32::MAX.into()).map(|bits| Val::I32(bits as i32)),
        ValType::I64 => integer(text, i64::MIN, u64::MAX).map(|bits| Val::I64(bits as i64)),
        ValType::F32 => f32::from_str(text).ok().map(|v| Val::F32(v.to_bits())),
        ValType::F64 => f64::from_str(text).ok().map(|v| Val::F64(v.to_bits())),
        _ => None,
    }
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

fn name(ty: ValType) -> Option<&'static str> {
    match ty {
        ValType::I32 => Some("i32"),
        ValType::I64 => Some("i64"),
        ValType::F32 => Some("f32"),
        ValType::F64 => Some("f64"),
        _ => None,
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
        Val::F32(bits) => f32::from_bits(*bits).to_string(),
        Val::F64(bits) => f64::from_bits(*bits).to_string(),
        Val::V128(v) => format!("{:#034x}", v.as_u128()),
        Val::FuncRef(None) => "null funcref".into(),
        Val::FuncRef(Some(_)) => "funcref".into(),
        Val::ExternRef(None) => "null externref".into(),
        Val::ExternRef(Some(_)) => "externref".into(),
        Val::ExnRef(None) => "null exnref".into(),
        Val::ExnRef(Some(_)) => "exnref".into(),
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
    fn results_are_one_a_line() {
        assert_eq!(
            show(&[Val::I32(-7), Val::F32(1.5_f32.to_bits()), Val::F64(f64::NAN.to_bits())]),
            "-7\n1.5\nNaN\n"
        );
        assert_eq!(show(&[]), "");
    }
}
