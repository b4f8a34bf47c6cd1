//! Stencils that are kept from one run to the next: a file with all that this machine, this processor and this very
//! program have made so far. What cannot be read, is not ours, or was made by another program is as if it were absent;
//! what cannot be written is made again next time.

use super::extract::{Access, Hole, Stencil};
use super::form::Ty;
use super::generate::MAX_OPERANDS;
use super::narrow::Width;
use super::table::{Row, Table};
use crate::compile::target::{self, Settings};
use latier_runtime::abi::TrapCode;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// Rows with longer keys hold constants of one program, and are not kept.
const MAX_KEY: usize = 16;
/// Larger files are none of ours.
const MAX_FILE: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
struct Kept {
    identity: String,
    rows: Vec<KeptRow>,
}

#[derive(Serialize, Deserialize)]
struct KeptRow {
    key: Vec<u8>,
    params: Vec<Ty>,
    results: Vec<Ty>,
    calls: bool,
    /// `None` for a form that does not exist.
    forms: Vec<(u16, Option<KeptStencil>)>,
}

#[derive(Serialize, Deserialize)]
struct KeptStencil {
    code: Vec<u8>,
    pool: Vec<u8>,
    spill: u32,
    holes: Vec<(u16, KeptHole)>,
}

/// A [`Hole`] as plain data.
#[derive(Serialize, Deserialize)]
enum KeptHole {
    Displacement(u8, Access),
    Constant(u8, Width),
    Amount(u8, u8),
    Complement(u8, u8),
    Offset(u8, Width),
    Taken,
    Trap(u8),
    Symbol(u8),
    Pool(u16, u8),
    Site(u8),
    Call,
}

impl From<&Hole> for KeptHole {
    fn from(hole: &Hole) -> KeptHole {
        match *hole {
            Hole::Displacement(n, access) => KeptHole::Displacement(n, access),
            Hole::Constant(n, width) => KeptHole::Constant(n, width),
            Hole::Amount(n, limit) => KeptHole::Amount(n, limit),
            Hole::Complement(n, limit) => KeptHole::Complement(n, limit),
            Hole::Offset(add, width) => KeptHole::Offset(add, width),
            Hole::Taken => KeptHole::Taken,
            Hole::Trap(code) => KeptHole::Trap(code as u8),
            Hole::Symbol(n) => KeptHole::Symbol(n),
            Hole::Pool(inside, behind) => KeptHole::Pool(inside, behind),
            Hole::Site(code) => KeptHole::Site(code as u8),
            Hole::Call => KeptHole::Call,
        }
    }
}

impl KeptHole {
    /// The hole at `at`, if it can be one of a stencil with so many bytes of constants.
    fn hole(&self, at: u16, pool: usize) -> Option<Hole> {
        let operand = |n: u8, limit: usize| (usize::from(n) < limit).then_some(n);
        let inside = |width: Width| (u16::from(width.0) <= at).then_some(width);
        Some(match *self {
            KeptHole::Displacement(n, access) => {
                inside(access.width)?;
                inside(Width(access.instead.back()))?;
                Hole::Displacement(operand(n, MAX_OPERANDS + 2)?, access)
            }
            KeptHole::Constant(n, width) => Hole::Constant(operand(n, MAX_OPERANDS)?, inside(width)?),
            KeptHole::Amount(n, limit @ (32 | 64)) => Hole::Amount(operand(n, MAX_OPERANDS)?, limit),
            KeptHole::Complement(n, limit @ (32 | 64)) => Hole::Complement(operand(n, MAX_OPERANDS)?, limit),
            KeptHole::Amount(..) | KeptHole::Complement(..) => return None,
            KeptHole::Offset(add, width) => Hole::Offset(operand(add, 17)?, inside(width)?),
            KeptHole::Taken => Hole::Taken,
            KeptHole::Trap(code) => Hole::Trap(TrapCode::from_u8(code)?),
            KeptHole::Symbol(n) => Hole::Symbol(operand(n, 2)?),
            KeptHole::Pool(inside, behind) if usize::from(inside) < pool => Hole::Pool(inside, behind),
            KeptHole::Pool(..) => return None,
            KeptHole::Site(code) => Hole::Site(TrapCode::from_u8(code)?),
            KeptHole::Call => Hole::Call,
        })
    }
}

impl KeptStencil {
    fn of(stencil: &Stencil) -> KeptStencil {
        KeptStencil {
            code: stencil.code.to_vec(),
            pool: stencil.pool.to_vec(),
            spill: stencil.spill,
            holes: stencil.holes.iter().map(|(at, hole)| (*at, KeptHole::from(hole))).collect(),
        }
    }

    /// The stencil, if it can be one.
    fn stencil(self) -> Option<Stencil> {
        let len = self.code.len();
        let hole = |(at, kept): &(u16, KeptHole)| {
            let bytes = match kept {
                KeptHole::Amount(..) | KeptHole::Complement(..) | KeptHole::Site(_) => 1,
                KeptHole::Call => 0,
                _ => 4,
            };
            (usize::from(*at) + bytes <= len).then_some((*at, kept.hole(*at, self.pool.len())?))
        };
        let holes: Box<[_]> = self.holes.iter().map(hole).collect::<Option<_>>()?;
        if !holes.is_sorted_by_key(|(at, _)| *at) {
            return None;
        }
        Some(Stencil::new(self.code, holes, self.pool.into(), self.spill))
    }
}

impl KeptRow {
    fn of(key: &[u8], row: &Row) -> KeptRow {
        let form = |(n, form): (usize, &std::sync::OnceLock<Option<&'static Stencil>>)| {
            Some((n as u16, (*form.get()?).map(KeptStencil::of)))
        };
        KeptRow {
            key: key.to_vec(),
            params: row.params.to_vec(),
            results: row.results.to_vec(),
            calls: row.calls,
            forms: row.forms.iter().enumerate().filter_map(form).collect(),
        }
    }

    /// Adds what this row holds to a table that may have some of it.
    fn add(self, table: &Table) -> Option<()> {
        if self.key.is_empty() || self.params.len() > MAX_OPERANDS || self.results.len() > 2 {
            return None;
        }
        let row = table.kept_row(self.key, &self.params, &self.results, self.calls);
        for (n, kept) in self.forms {
            let stencil = kept.map(KeptStencil::stencil);
            let stencil = if let Some(None) = stencil { return None } else { stencil.flatten() };
            let cell = row.forms.get(usize::from(n))?;
            if cell.get().is_none() {
                let _ = cell.set(stencil.map(|stencil| &*Box::leak(Box::new(stencil))));
            }
        }
        Some(())
    }
}

/// All that stencils depend on: the program that makes them, Cranelift with it, and the processor.
fn identity(relaxed_simd_deterministic: bool) -> Option<String> {
    let isa = target::isa(Settings::Stencil).ok()?;
    let program = fs::metadata(std::env::current_exe().ok()?).ok()?;
    let built = program.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    let features: Vec<_> = isa.isa_flags().iter().map(ToString::to_string).collect();
    Some(format!(
        "{} {} {} {built} {relaxed_simd_deterministic} {}",
        env!("CARGO_PKG_VERSION"),
        program.len(),
        isa.triple(),
        features.join(" "),
    ))
}

fn name(relaxed_simd_deterministic: bool) -> &'static str {
    if relaxed_simd_deterministic { "stencils.bin" } else { "stencils-relaxed.bin" }
}

/// Reads what was kept in a directory to `table`.
pub(super) fn load(table: &Table, relaxed_simd_deterministic: bool, directory: &Path) -> Option<()> {
    let mut file = File::open(directory.join(name(relaxed_simd_deterministic))).ok()?;
    let metadata = file.metadata().ok()?;
    // Code that others could have written is not run.
    let ours = metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0;
    if !ours || !metadata.is_file() || metadata.len() > MAX_FILE {
        return None;
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    file.read_to_end(&mut bytes).ok()?;
    let (content, sum) = bytes.split_last_chunk::<4>()?;
    if crc32fast::hash(content) != u32::from_le_bytes(*sum) {
        return None;
    }
    let kept: Kept = postcard::from_bytes(content).ok()?;
    if kept.identity != identity(relaxed_simd_deterministic)? {
        return None;
    }
    kept.rows.into_iter().try_for_each(|row| row.add(table))
}

/// Keeps all of `table` in a directory: nobody ever sees half a file.
pub(super) fn save(table: &Table, relaxed_simd_deterministic: bool, directory: &Path) -> Option<()> {
    // What others have added since.
    load(table, relaxed_simd_deterministic, directory);
    let mut rows = Vec::new();
    table.each_row(|key, row| {
        if key.len() <= MAX_KEY {
            rows.push(KeptRow::of(key, row));
        }
    });
    let kept = Kept { identity: identity(relaxed_simd_deterministic)?, rows };
    let mut bytes = postcard::to_stdvec(&kept).ok()?;
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    if !directory.is_dir() {
        fs::create_dir_all(directory).ok()?;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).ok()?;
    }
    let name = name(relaxed_simd_deterministic);
    let temporary = directory.join(format!("{name}.{}", std::process::id()));
    let mut options = File::options();
    let written = options.write(true).create_new(true).mode(0o600).open(&temporary).and_then(|mut file| {
        file.write_all(&bytes)?;
        fs::rename(&temporary, directory.join(name))
    });
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.ok()
}
