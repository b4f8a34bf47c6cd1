//! The sites of a function: every address at which it can trap or from which it calls, with the place in the Wasm
//! body it came from. Written by the compiler into the object's section [`SECTION`], read by the trap handler and
//! by backtraces, so reading allocates nothing and takes no lock.
//!
//! Layout, per site in ascending order of code offset: `uleb128` distance from the previous site's code offset,
//! one byte kind (0 = return address of a call, else a [`TrapCode`]), `sleb128` distance from the previous site's
//! Wasm offset. Wasm offsets count from the start of the function's body (its locals' declaration), so that the
//! bytes do not depend on where in a module the body lies.

use crate::abi::TrapCode;

/// Name of the object section that holds the sites.
pub const SECTION: &str = ".latier.sites";

/// What happens at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteKind {
    /// A call; the code offset is its return address.
    Call,
    /// An instruction that can trap.
    Trap(TrapCode),
}

/// One site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Bytes from the start of the function's code.
    pub code_offset: u32,
    /// Bytes from the start of the function's Wasm body.
    pub wasm_offset: u32,
    /// What happens there.
    pub kind: SiteKind,
}

/// Encodes sites, one after the other.
#[derive(Clone, Debug, Default)]
pub struct SiteWriter {
    bytes: Vec<u8>,
    code: u32,
    wasm: u32,
}

impl SiteWriter {
    /// Forgets all sites, for those of another function.
    pub fn clear(&mut self) {
        self.bytes.clear();
        (self.code, self.wasm) = (0, 0);
    }

    /// Adds a site.
    ///
    /// # Panics
    /// In debug builds, when it does not stand behind those before it in the code.
    #[inline]
    pub fn push(&mut self, site: Site) {
        debug_assert!(site.code_offset >= self.code, "sites are sorted");
        let code = site.code_offset.wrapping_sub(self.code);
        let wasm = i64::from(site.wasm_offset) - i64::from(self.wasm);
        let kind = match site.kind {
            SiteKind::Call => 0,
            SiteKind::Trap(code) => code as u8,
        };
        (self.code, self.wasm) = (site.code_offset, site.wasm_offset);
        // Nearly all distances take one byte.
        if code < 0x80 && (-0x40..0x40).contains(&wasm) {
            self.bytes.reserve(3);
            [code as u8, kind, wasm as u8 & 0x7f].into_iter().for_each(|byte| self.bytes.push(byte));
        } else {
            uleb(u64::from(code), &mut self.bytes);
            self.bytes.push(kind);
            sleb(wasm, &mut self.bytes);
        }
    }

    /// The encoding of all sites so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Extend<Site> for SiteWriter {
    fn extend<T: IntoIterator<Item = Site>>(&mut self, sites: T) {
        sites.into_iter().for_each(|site| self.push(site));
    }
}

fn uleb(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn sleb(mut n: i64, out: &mut Vec<u8>) {
    while !(-0x40..0x40).contains(&n) {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8 & 0x7f);
}

/// Reads the sites of one function; ends at the first byte that is not a site.
#[derive(Clone, Debug)]
pub struct Sites<'a> {
    bytes: &'a [u8],
    code: u32,
    wasm: i64,
}

impl<'a> Sites<'a> {
    /// The sites encoded in `bytes`.
    pub fn new(bytes: &'a [u8]) -> Sites<'a> {
        Sites { bytes, code: 0, wasm: 0 }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    /// The bits of a LEB128 number and how many there are.
    fn leb(&mut self) -> Option<(u64, u32)> {
        let (mut n, mut shift) = (0u64, 0);
        loop {
            let b = self.byte()?;
            n |= u64::from(b & 0x7f).checked_shl(shift)?;
            shift += 7;
            if b & 0x80 == 0 {
                return Some((n, shift));
            }
        }
    }
}

impl Iterator for Sites<'_> {
    type Item = Site;

    fn next(&mut self) -> Option<Site> {
        let code = self.code.checked_add(u32::try_from(self.leb()?.0).ok()?)?;
        let kind = match self.byte()? {
            0 => SiteKind::Call,
            n => SiteKind::Trap(TrapCode::from_u8(n)?),
        };
        let (bits, width) = self.leb()?;
        let unused = 64u32.saturating_sub(width);
        let wasm = self.wasm.checked_add(((bits << unused) as i64) >> unused)?;
        let site = Site { code_offset: code, wasm_offset: u32::try_from(wasm).ok()?, kind };
        (self.code, self.wasm) = (code, wasm);
        Some(site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_survive_encoding() {
        let site = |code_offset, wasm_offset, kind| Site { code_offset, wasm_offset, kind };
        let sites = [
            site(0, 300, SiteKind::Trap(TrapCode::StackOverflow)),
            site(5, 2, SiteKind::Call),
            site(5, 70_000, SiteKind::Trap(TrapCode::MemoryOutOfBounds)),
            site(1 << 30, 0, SiteKind::Call),
            site(u32::MAX, u32::MAX, SiteKind::Trap(TrapCode::Unreachable)),
        ];
        let mut writer = SiteWriter::default();
        writer.push(site(70, 70, SiteKind::Call));
        writer.clear();
        writer.extend(sites);
        let bytes = writer.bytes();
        assert_eq!(Sites::new(bytes).collect::<Vec<_>>(), sites);
        assert!(Sites::new(&bytes[..bytes.len() - 1]).count() < sites.len(), "a cut list ends early");
    }
}
