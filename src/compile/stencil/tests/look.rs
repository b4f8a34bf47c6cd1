//! What some stencils look like, instruction by instruction, with what is written into them.

use super::survey::{Survey, forms};
use super::{Table, aarch64, hold, words, x86_64};
use crate::compile::stencil::extract::{Hole, Stencil};
use cranelift_codegen::isa::OwnedTargetIsa;
use iced_x86::{Decoder, DecoderOptions, Formatter, GasFormatter};
use std::fmt::Write;
use yaxpeax_arch::{Decoder as _, U8Reader};
use yaxpeax_arm::armv8::a64::InstDecoder;

/// Operators by the start of their names, each with forms.
const SHOWN: &[(&str, &[&str])] = &[
    ("I32Add ", &["R,R rotation 0", "R,M rotation 1", "M,C rotation 2", "C,R rotation 0"]),
    ("I32Sub ", &["R,R rotation 2"]),
    ("I64And ", &["R,C rotation 0"]),
    ("I32Mul ", &["M,M rotation 1"]),
    ("I32DivS ", &["R,R rotation 0", "M,R rotation 1"]),
    ("I64RemU ", &["R,R rotation 0"]),
    ("I32Shl ", &["R,C rotation 0", "R,R rotation 1"]),
    ("I64Rotl ", &["R,R rotation 0", "R,C rotation 0"]),
    ("I32Popcnt ", &["R rotation 0"]),
    ("I64ExtendI32S ", &["M rotation 0"]),
    ("I32Eqz ", &["R branch-if rotation 0", "R branch-unless rotation 0"]),
    ("I32LtS ", &["R,M branch-if rotation 1", "R,C branch-unless rotation 2", "R,R rotation 0"]),
    ("F64Eq ", &["R,R branch-if rotation 0", "R,R branch-unless rotation 0"]),
    ("F64Lt ", &["M,M branch-if rotation 0"]),
    ("BrIf", &["R branch-if rotation 0", "M branch-unless rotation 0"]),
    ("Select [I32", &["R,R,R rotation 0", "M,C,R rotation 1"]),
    ("F64Add ", &["R,M rotation 0"]),
    ("F32Min ", &["R,R rotation 0"]),
    ("F64Neg ", &["R rotation 0"]),
    ("I32TruncF64S ", &["R rotation 0"]),
    ("F64ConvertI64U ", &["R rotation 0"]),
    ("F64ReinterpretI64 ", &["M rotation 0"]),
    ("I32Load{", &["R rotation 0", "M rotation 1"]),
    ("I64Store{", &["R,R rotation 0", "M,C rotation 0"]),
    ("V128Load{", &["R rotation 0"]),
    ("I32x4Add ", &["R,R rotation 0"]),
    ("I8x16Shuffle{", &["R,R rotation 0"]),
    ("I32AtomicRmwAdd{", &["R,R rotation 0"]),
    ("I64Add128 ", &["frame"]),
    ("GlobalGet{", &["rotation 0"]),
    ("GlobalSet{", &["R rotation 0"]),
    ("TableGet{", &["R rotation 0"]),
    ("CallIndirect{", &["R rotation 0"]),
    ("MemoryGrow{", &["frame"]),
    ("ThrowRef ", &["frame"]),
];

/// The instructions of an AArch64 stencil: offset, length and text of each.
fn aarch64_instructions(stencil: &Stencil) -> Vec<(usize, usize, String)> {
    let words = stencil.code.as_chunks::<4>().0.iter().enumerate();
    let text = |bytes: &[u8; 4]| match InstDecoder::default().decode(&mut U8Reader::new(bytes)) {
        Ok(instruction) => instruction.to_string(),
        Err(_) => format!(".word {:#010x}", u32::from_le_bytes(*bytes)),
    };
    words.map(|(n, bytes)| (4 * n, 4, text(bytes))).collect()
}

/// The same of an x86-64 stencil.
fn x86_64_instructions(stencil: &Stencil) -> Vec<(usize, usize, String)> {
    let mut formatter = GasFormatter::new();
    let decoder = Decoder::with_ip(64, &stencil.code, 0, DecoderOptions::NONE);
    let each = decoder.into_iter().map(|instruction| {
        let mut text = String::new();
        formatter.format(&instruction, &mut text);
        (instruction.ip() as usize, instruction.len(), text)
    });
    each.collect()
}

fn place(hole: Hole) -> String {
    match hole {
        Hole::Displacement(n, _) => format!("place {n}"),
        Hole::Constant(n, _) => format!("constant {n}"),
        Hole::Amount(n, limit) => format!("constant {n}, less than {limit}"),
        Hole::Complement(n, limit) => format!("{limit} less constant {n}"),
        Hole::Offset(add, _) => format!("static offset + {add}"),
        Hole::Taken => "taken".into(),
        Hole::Trap(code) => format!("trap: {code}"),
        Hole::Symbol(n) => format!("symbol {n}"),
        Hole::Pool(inside, _) => format!("pool + {inside}"),
        Hole::Site(code) => format!("may trap: {code}"),
        Hole::Call => "returns".into(),
    }
}

/// The stencils that are shown, as text.
fn look(
    isa: &'static OwnedTargetIsa,
    instructions: impl Fn(&Stencil) -> Vec<(usize, usize, String)>,
) -> String {
    let (survey, table) = (Survey::new(), Table::new(isa, true).unwrap());
    let mut text = String::new();
    for (start, wanted) in SHOWN {
        let spelled = survey.operators.iter().find(|spelled| spelled.name.starts_with(start));
        let spelled = spelled.unwrap_or_else(|| panic!("there is no {start}"));
        let row = survey.row(&table, spelled).unwrap();
        for wanted in *wanted {
            let mut all = forms(row, spelled.bytes[0]).into_iter();
            let form = all.find(|form| words(*form, spelled).trim() == *wanted);
            let form = form.unwrap_or_else(|| panic!("{start} has no form {wanted}"));
            writeln!(text, "{} {wanted}", spelled.name).unwrap();
            let stencil = match table.make(row, form, survey.instance(spelled)) {
                Ok((_, stencil)) => stencil,
                Err(reason) => {
                    writeln!(text, "    none: {reason}").unwrap();
                    continue;
                }
            };
            for (at, len, instruction) in instructions(&stencil) {
                let holes = stencil.holes.iter().filter(|(hole, what)| match what {
                    Hole::Call => usize::from(*hole) == at + len,
                    _ => (at..at + len).contains(&usize::from(*hole)),
                });
                let holes: Vec<String> = holes.map(|(_, what)| place(*what)).collect();
                let holes =
                    if holes.is_empty() { String::new() } else { format!("  ; {}", holes.join(", ")) };
                writeln!(text, "    {at:3x}  {instruction}{holes}").unwrap();
            }
            if stencil.pieces.spill > 0 || !stencil.pool.is_empty() {
                writeln!(
                    text,
                    "    {} bytes of constants, {} spilled",
                    stencil.pool.len(),
                    stencil.pieces.spill
                )
                .unwrap();
            }
        }
    }
    text
}

#[test]
fn stencils_of_x86_64_look_as_they_did() {
    hold("look-x86_64.txt", &look(x86_64(3), x86_64_instructions));
}

#[test]
fn stencils_of_aarch64_look_as_they_did() {
    hold("look-aarch64.txt", &look(aarch64(), aarch64_instructions));
}
