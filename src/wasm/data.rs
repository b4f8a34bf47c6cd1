//! The data section without its data: what the validator needs to see of a section that may be most of the file.

use super::error::Error;
use wasmparser::{BinaryReader, BinaryReaderError, ConstExpr, DataSectionReader, WasmFeatures};

/// The most segments that validation accepts. Of more none is read beyond this: validation refuses their count.
pub(super) const MAX_SEGMENTS: u32 = 100_000;

/// Reads a segment up to its bytes: how long it is up to the length of its bytes, and that length.
pub(super) fn segment_header(reader: &mut BinaryReader<'_>) -> Result<(u64, u32), Error> {
    let start = reader.original_position();
    match reader.read_var_u32()? {
        0 if skip_i32_const(reader) => {}
        0 => _ = reader.read::<ConstExpr<'_>>()?,
        1 => {}
        2 => _ = reader.read::<(u32, ConstExpr<'_>)>()?,
        _ => return Err(Error::new(start, "invalid flags byte in data segment")),
    }
    let header = reader.original_position() - start;
    Ok((header, reader.read_var_u32()?))
}

/// Passes over `i32.const n end`, which nearly all offsets are; false if the expression is another.
fn skip_i32_const(reader: &mut BinaryReader<'_>) -> bool {
    let mut ahead = reader.clone();
    let is_i32_const =
        matches!((ahead.read_u8(), ahead.read_var_i32(), ahead.read_u8()), (Ok(0x41), Ok(_), Ok(0x0b)));
    if is_i32_const {
        *reader = ahead;
    }
    is_i32_const
}

/// A data section all whose segments are empty, and where its pieces come from.
pub(super) struct Skeleton {
    bytes: Vec<u8>,
    /// Where pieces of consecutive bytes begin, here and in the file.
    pieces: Vec<(u64, u64)>,
}

impl Skeleton {
    /// The skeleton of a section at `start` in the file, with `count` segments.
    pub(super) fn new(start: u64, count: u32) -> Skeleton {
        let mut bytes: Vec<u8> = (0..5).map(|i| (count >> (7 * i)) as u8 & 0x7f | 0x80).collect();
        bytes[4] &= 0x7f;
        Skeleton { bytes, pieces: vec![(0, start)] }
    }

    /// Adds a segment whose header, up to the length of its bytes, lies at `offset` in the file.
    pub(super) fn push(&mut self, offset: u64, header: &[u8]) {
        self.pieces.push((self.bytes.len() as u64, offset));
        self.bytes.extend_from_slice(header);
        self.bytes.push(0);
    }

    /// The section.
    pub(super) fn section(&self, features: WasmFeatures) -> Result<DataSectionReader<'_>, Error> {
        Ok(DataSectionReader::new(BinaryReader::new_features(&self.bytes, 0, features))?)
    }

    /// An error in the section, where it is in the file.
    pub(super) fn error_in_file(&self, e: &BinaryReaderError) -> Error {
        let piece = self.pieces.partition_point(|(here, _)| *here <= e.offset()) - 1;
        let (here, there) = self.pieces[piece];
        Error::new(there + (e.offset() - here), e.message())
    }
}
