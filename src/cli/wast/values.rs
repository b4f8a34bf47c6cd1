//! Values in scripts: arguments become values of the API, results are compared with what a script expects of them.
//! Knows nothing of directives.

use crate::{ExternRef, Store, Val};
use wast::core::{AbstractHeapType, HeapType, NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::token::{F32, F64};
use wast::{WastArg, WastRet};

/// The value that a script passes; `Err` says what is not supported.
pub(super) fn argument(store: &mut Store<()>, arg: &WastArg<'_>) -> Result<Val, String> {
    let WastArg::Core(arg) = arg else {
        return Err(format!("the argument {arg:?} is not one of core WebAssembly"));
    };
    Ok(match arg {
        WastArgCore::I32(v) => Val::I32(*v),
        WastArgCore::I64(v) => Val::I64(*v),
        WastArgCore::F32(v) => Val::F32(v.bits),
        WastArgCore::F64(v) => Val::F64(v.bits),
        WastArgCore::V128(v) => Val::V128(u128::from_le_bytes(v.to_le_bytes()).into()),
        WastArgCore::RefNull(
            HeapType::Concrete(_)
            | HeapType::Abstract { shared: false, ty: AbstractHeapType::Func | AbstractHeapType::NoFunc },
        ) => Val::FuncRef(None),
        WastArgCore::RefNull(HeapType::Abstract {
            shared: false,
            ty: AbstractHeapType::Extern | AbstractHeapType::NoExtern,
        }) => Val::ExternRef(None),
        WastArgCore::RefExtern(number) => {
            let value = ExternRef::new(store, *number).map_err(|error| format!("{error:#}"))?;
            Val::ExternRef(Some(value))
        }
        other => return Err(format!("the argument {other:?} is not supported")),
    })
}

/// Whether `actual` are the results that the script expects.
pub(super) fn all_match(store: &Store<()>, actual: &[Val], expected: &[WastRet<'_>]) -> bool {
    actual.len() == expected.len()
        && actual.iter().zip(expected).all(|(actual, expected)| match expected {
            WastRet::Core(expected) => matches(store, actual, expected),
            _ => false,
        })
}

fn matches(store: &Store<()>, actual: &Val, expected: &WastRetCore<'_>) -> bool {
    match (actual, expected) {
        (_, WastRetCore::Either(cases)) => cases.iter().any(|case| matches(store, actual, case)),
        (Val::I32(a), WastRetCore::I32(e)) => a == e,
        (Val::I64(a), WastRetCore::I64(e)) => a == e,
        (Val::F32(a), WastRetCore::F32(e)) => f32_matches(*a, e),
        (Val::F64(a), WastRetCore::F64(e)) => f64_matches(*a, e),
        (Val::V128(a), WastRetCore::V128(e)) => v128_matches(a.as_u128().to_le_bytes(), e),
        (Val::FuncRef(None), WastRetCore::RefNull(ty)) => {
            matches!(
                ty,
                None | Some(HeapType::Abstract { ty: AbstractHeapType::Func | AbstractHeapType::NoFunc, .. })
                    | Some(HeapType::Concrete(_))
            )
        }
        (Val::ExternRef(None), WastRetCore::RefNull(ty)) => {
            matches!(
                ty,
                None | Some(HeapType::Abstract {
                    ty: AbstractHeapType::Extern | AbstractHeapType::NoExtern,
                    ..
                })
            )
        }
        (Val::ExnRef(None), WastRetCore::RefNull(ty)) => {
            matches!(
                ty,
                None | Some(HeapType::Abstract { ty: AbstractHeapType::Exn | AbstractHeapType::NoExn, .. })
            )
        }
        (Val::FuncRef(Some(_)), WastRetCore::RefFunc(_)) => true,
        (Val::ExternRef(Some(_)), WastRetCore::RefExtern(None)) => true,
        (Val::ExternRef(Some(a)), WastRetCore::RefExtern(Some(e))) => {
            a.data(store).ok().and_then(|data| data.downcast_ref::<u32>()) == Some(e)
        }
        _ => false,
    }
}

/// A canonical NaN has only the highest bit of its payload set; an arithmetic one has at least that bit set. The
/// sign is free (specification, "NaN payload").
fn f32_matches(bits: u32, expected: &NanPattern<F32>) -> bool {
    const QUIET: u32 = 0x7fc0_0000;
    match expected {
        NanPattern::CanonicalNan => bits & 0x7fff_ffff == QUIET,
        NanPattern::ArithmeticNan => bits & QUIET == QUIET,
        NanPattern::Value(value) => bits == value.bits,
    }
}

fn f64_matches(bits: u64, expected: &NanPattern<F64>) -> bool {
    const QUIET: u64 = 0x7ff8_0000_0000_0000;
    match expected {
        NanPattern::CanonicalNan => bits & 0x7fff_ffff_ffff_ffff == QUIET,
        NanPattern::ArithmeticNan => bits & QUIET == QUIET,
        NanPattern::Value(value) => bits == value.bits,
    }
}

fn v128_matches(actual: [u8; 16], expected: &V128Pattern) -> bool {
    let u32_lane = |i: usize| u32::from_le_bytes(std::array::from_fn(|byte| actual[4 * i + byte]));
    let u64_lane = |i: usize| u64::from_le_bytes(std::array::from_fn(|byte| actual[8 * i + byte]));
    match expected {
        V128Pattern::I8x16(lanes) => lanes.iter().zip(actual).all(|(e, a)| e.to_le_bytes() == [a]),
        V128Pattern::I16x8(lanes) => {
            lanes.iter().zip(actual.chunks_exact(2)).all(|(e, a)| e.to_le_bytes().as_slice() == a)
        }
        V128Pattern::I32x4(lanes) => lanes.iter().enumerate().all(|(i, e)| u32_lane(i) == *e as u32),
        V128Pattern::I64x2(lanes) => lanes.iter().enumerate().all(|(i, e)| u64_lane(i) == *e as u64),
        V128Pattern::F32x4(lanes) => lanes.iter().enumerate().all(|(i, e)| f32_matches(u32_lane(i), e)),
        V128Pattern::F64x2(lanes) => lanes.iter().enumerate().all(|(i, e)| f64_matches(u64_lane(i), e)),
    }
}

/// Values as text: floats with their bits, so that NaNs and zeros are told apart.
pub(super) fn show(store: &Store<()>, values: &[Val]) -> String {
    let shown = values.iter().map(|value| show_one(store, value)).collect::<Vec<_>>();
    if shown.is_empty() { "no results".into() } else { shown.join(" ") }
}

fn show_one(store: &Store<()>, value: &Val) -> String {
    match value {
        Val::I32(v) => format!("i32:{v}"),
        Val::I64(v) => format!("i64:{v}"),
        Val::F32(bits) => format!("f32:{}(0x{bits:08x})", f32::from_bits(*bits)),
        Val::F64(bits) => format!("f64:{}(0x{bits:016x})", f64::from_bits(*bits)),
        Val::V128(v) => format!("v128:0x{:032x}", v.as_u128()),
        Val::FuncRef(None) => "ref.null func".into(),
        Val::FuncRef(Some(_)) => "ref.func".into(),
        Val::ExnRef(None) => "ref.null exn".into(),
        Val::ExnRef(Some(_)) => "ref.exn".into(),
        Val::ExternRef(None) => "ref.null extern".into(),
        Val::ExternRef(Some(r)) => match r.data(store).ok().and_then(|data| data.downcast_ref::<u32>()) {
            Some(number) => format!("ref.extern {number}"),
            None => "ref.extern of the host".into(),
        },
    }
}

/// Expected results as text, in the form of [`show`].
pub(super) fn show_expected(expected: &[WastRet<'_>]) -> String {
    let shown = expected
        .iter()
        .map(|expected| match expected {
            WastRet::Core(expected) => show_pattern(expected),
            other => format!("{other:?}"),
        })
        .collect::<Vec<_>>();
    if shown.is_empty() { "no results".into() } else { shown.join(" ") }
}

fn show_pattern(expected: &WastRetCore<'_>) -> String {
    match expected {
        WastRetCore::I32(v) => format!("i32:{v}"),
        WastRetCore::I64(v) => format!("i64:{v}"),
        WastRetCore::F32(NanPattern::CanonicalNan) => "f32:nan:canonical".into(),
        WastRetCore::F32(NanPattern::ArithmeticNan) => "f32:nan:arithmetic".into(),
        WastRetCore::F32(NanPattern::Value(v)) => format!("f32:{}(0x{:08x})", f32::from_bits(v.bits), v.bits),
        WastRetCore::F64(NanPattern::CanonicalNan) => "f64:nan:canonical".into(),
        WastRetCore::F64(NanPattern::ArithmeticNan) => "f64:nan:arithmetic".into(),
        WastRetCore::F64(NanPattern::Value(v)) => {
            format!("f64:{}(0x{:016x})", f64::from_bits(v.bits), v.bits)
        }
        WastRetCore::RefNull(_) => "ref.null".into(),
        WastRetCore::RefExtern(Some(number)) => format!("ref.extern {number}"),
        WastRetCore::RefExtern(None) => "ref.extern".into(),
        WastRetCore::RefFunc(_) => "ref.func".into(),
        WastRetCore::Either(cases) => {
            format!("either ({})", cases.iter().map(show_pattern).collect::<Vec<_>>().join(" | "))
        }
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_nans_are_arithmetic_but_not_the_other_way_round() {
        let (canonical, other, signalling) = (0xffc0_0000, 0x7fc0_0001, 0x7fa0_0000);
        assert!(f32_matches(canonical, &NanPattern::CanonicalNan));
        assert!(f32_matches(canonical, &NanPattern::ArithmeticNan));
        assert!(!f32_matches(other, &NanPattern::CanonicalNan));
        assert!(f32_matches(other, &NanPattern::ArithmeticNan));
        assert!(!f32_matches(signalling, &NanPattern::ArithmeticNan));
        assert!(!f64_matches(f64::INFINITY.to_bits(), &NanPattern::ArithmeticNan));
    }

    #[test]
    fn lanes_are_compared_in_the_order_of_their_bytes() {
        let bytes = std::array::from_fn(|i| i as u8);
        assert!(v128_matches(bytes, &V128Pattern::I8x16(std::array::from_fn(|i| i as i8))));
        assert!(v128_matches(bytes, &V128Pattern::I32x4([0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c])));
        assert!(!v128_matches(bytes, &V128Pattern::I64x2([0, 0])));
    }
}
