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
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// Rows with longer keys hold constants of one program, and are not kept.
const MAX_KEY: usize = 16;
/// Larger files are none of ours.
const MAX_FILE: u64 = 64 << 20;

/// What a file holds. Rows and stencils in it are read when they are needed.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    identity: &'a str,
    /// In the order of their keys.
    #[serde(borrow)]
    rows: Vec<(&'a [u8], &'a [u8])>,
}

/// A row of the file.
#[derive(Serialize, Deserialize)]
struct KeptRow<'a> {
    params: Vec<Ty>,
    results: Vec<Ty>,
    calls: bool,
    /// By their numbers, in order; what is empty does not exist.
    #[serde(borrow)]
    forms: Vec<(u16, &'a [u8])>,
}

/// The rows of a file that was read. It stays as long as the process.
pub(super) struct Rows(Vec<(&'static [u8], &'static [u8])>);

/// Stencils of a row that was kept, by the numbers of their forms.
pub(super) type Forms = Vec<(u16, &'static [u8])>;

impl Rows {
    /// The row with this key, if it was kept.
    pub(super) fn row(&self, key: &[u8]) -> Option<Row> {
        let n = self.0.binary_search_by_key(&key, |(key, _)| key).ok()?;
        let kept: KeptRow<'static> = postcard::from_bytes(self.0[n].1).ok()?;
        if key.is_empty() || kept.params.len() > MAX_OPERANDS || kept.results.len() > 2 {
            return None;
        }
        Some(Row::new(key, &kept.params, &kept.results, kept.calls, kept.forms))
    }
}

/// The stencil that was kept of this form, or that there is none; `None` if nothing was kept of it.
pub(super) fn stencil(forms: &Forms, number: usize) -> Option<Option<Stencil>> {
    let n = forms.binary_search_by_key(&number, |(number, _)| usize::from(*number)).ok()?;
    match forms[n].1 {
        [] => Some(None),
        bytes => postcard::from_bytes::<KeptStencil>(bytes).ok()?.stencil().map(Some),
    }
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
            spill: stencil.pieces.spill,
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

/// A file of ours, without its sum.
fn read(relaxed_simd_deterministic: bool, directory: &Path) -> Option<Vec<u8>> {
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
    let (len, right) = (content.len(), crc32fast::hash(content) == u32::from_le_bytes(*sum));
    bytes.truncate(len);
    right.then_some(bytes)
}

fn parse<'a>(content: &'a [u8], identity: &str) -> Option<Vec<(&'a [u8], &'a [u8])>> {
    let kept: Kept<'a> = postcard::from_bytes(content).ok()?;
    let sorted = kept.rows.is_sorted_by(|(a, _), (b, _)| a < b);
    (sorted && kept.identity == identity).then_some(kept.rows)
}

/// Reads what was kept in a directory.
pub(super) fn load(relaxed_simd_deterministic: bool, directory: &Path) -> Option<Rows> {
    let content = read(relaxed_simd_deterministic, directory)?.leak();
    Some(Rows(parse(content, &identity(relaxed_simd_deterministic)?)?))
}

/// A row as it is made: its parts, and stencils by the numbers of their forms.
struct NewRow {
    params: Vec<Ty>,
    results: Vec<Ty>,
    calls: bool,
    forms: BTreeMap<u16, Vec<u8>>,
}

impl NewRow {
    fn of_kept(kept: KeptRow<'_>) -> NewRow {
        let forms = kept.forms.into_iter().map(|(n, bytes)| (n, bytes.to_vec())).collect();
        NewRow { params: kept.params, results: kept.results, calls: kept.calls, forms }
    }

    fn of(row: &Row) -> NewRow {
        NewRow {
            params: row.params.to_vec(),
            results: row.results.to_vec(),
            calls: row.calls,
            forms: BTreeMap::new(),
        }
    }

    /// Adds what a row of the process has.
    fn add(&mut self, row: &Row) -> Option<()> {
        for (n, form) in row.forms.iter().enumerate() {
            let Some(stencil) = form.get() else { continue };
            let bytes = match stencil {
                Some(stencil) => postcard::to_stdvec(&KeptStencil::of(stencil)).ok()?,
                None => Vec::new(),
            };
            self.forms.insert(n as u16, bytes);
        }
        Some(())
    }

    fn encode(&self) -> Option<Vec<u8>> {
        let NewRow { params, results, calls, forms } = self;
        let forms = forms.iter().map(|(n, bytes)| (*n, &bytes[..])).collect();
        let row = KeptRow { params: params.clone(), results: results.clone(), calls: *calls, forms };
        postcard::to_stdvec(&row).ok()
    }
}

/// The content of a file with all that `table` has, and all that `old` has.
fn content(table: &Table, identity: &str, old: &[(&[u8], &[u8])]) -> Option<Vec<u8>> {
    let mut rows = BTreeMap::new();
    for (key, bytes) in old {
        rows.insert(key.to_vec(), NewRow::of_kept(postcard::from_bytes(bytes).ok()?));
    }
    let mut right = true;
    table.each_row(|key, row| {
        if key.len() <= MAX_KEY {
            let kept = rows.entry(key.to_vec()).or_insert_with(|| NewRow::of(row));
            right &= kept.add(row).is_some();
        }
    });
    let encoded =
        rows.iter().map(|(key, row)| Some((&key[..], row.encode()?))).collect::<Option<Vec<_>>>()?;
    let rows = encoded.iter().map(|(key, row)| (*key, &row[..])).collect();
    right.then(|| postcard::to_stdvec(&Kept { identity, rows }).ok())?
}

/// Keeps all of `table` in a directory, beside what others have kept there: nobody ever sees half a file.
pub(super) fn save(table: &Table, relaxed_simd_deterministic: bool, directory: &Path) -> Option<()> {
    let identity = identity(relaxed_simd_deterministic)?;
    let old = read(relaxed_simd_deterministic, directory).unwrap_or_default();
    let mut bytes = content(table, &identity, &parse(&old, &identity).unwrap_or_default())?;
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
