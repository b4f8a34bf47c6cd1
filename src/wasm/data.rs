//! The data section without its data: what the validator needs to see of a section that may be most of the file.

use super::error::Error;
use std::ops::Range;
use wasmparser::{BinaryReader, BinaryReaderError, ConstExpr, DataSectionReader, WasmFeatures};

/// The most segments that validation accepts. Of more none is read beyond this: validation refuses their count.
pub(super) const MAX_SEGMENTS: u32 = 100_000;
/// The bytes of the number of segments.
const COUNT_BYTES: usize = 5;

/// What stands before the bytes of a segment.
pub(super) struct Header {
    /// How long it is up to the length of the segment's bytes.
    pub(super) len: u64,
    /// How many bytes the segment has.
    pub(super) bytes: u32,
    /// Where in memory 0 the bytes go, if nothing but `i32.const` says it, as of nearly all segments.
    pub(super) offset: Option<i32>,
}

/// Reads a segment up to its bytes.
pub(super) fn segment_header(reader: &mut BinaryReader<'_>) -> Result<Header, Error> {
    let start = reader.original_position();
    let mut offset = None;
    match reader.read_var_u32()? {
        0 => {
            offset = i32_const(reader);
            if offset.is_none() {
                reader.read::<ConstExpr<'_>>()?;
            }
        }
        1 => {}
        2 => _ = reader.read::<(u32, ConstExpr<'_>)>()?,
        _ => return Err(Error::new(start, "invalid flags byte in data segment")),
    }
    let len = reader.original_position() - start;
    Ok(Header { len, bytes: reader.read_var_u32()?, offset })
}

/// Reads `i32.const n end`; reads nothing if the expression is another.
fn i32_const(reader: &mut BinaryReader<'_>) -> Option<i32> {
    let mut ahead = reader.clone();
    let (Ok(0x41), Ok(n), Ok(0x0b)) = (ahead.read_u8(), ahead.read_var_i32(), ahead.read_u8()) else {
        return None;
    };
    *reader = ahead;
    Some(n)
}

/// A data segment as it was found: where its bytes lie in the file, and where they go, if that is known without the
/// section.
pub(super) struct Found {
    pub(super) range: Range<u64>,
    pub(super) offset: Option<i32>,
}

/// A data section all whose segments are empty, and where its pieces come from.
pub(super) struct Skeleton {
    bytes: Vec<u8>,
    count: u32,
    /// Where pieces of consecutive bytes begin, here and in the file.
    pieces: Vec<(u64, u64)>,
}

impl Skeleton {
    /// The skeleton of a section at `start` in the file.
    pub(super) fn new(start: u64) -> Skeleton {
        Skeleton { bytes: vec![0; COUNT_BYTES], count: 0, pieces: vec![(0, start)] }
    }

    /// Adds a segment whose header, up to the length of its bytes, lies at `offset` in the file.
    pub(super) fn push(&mut self, offset: u64, header: &[u8]) {
        self.pieces.push((self.bytes.len() as u64, offset));
        self.bytes.extend_from_slice(header);
        self.bytes.push(0);
        self.count += 1;
    }

    /// Ends the section: it says how many segments it has, or of a section with more than there may be, how many that
    /// has.
    pub(super) fn close(&mut self, count: u32) {
        let count = if count > MAX_SEGMENTS { count } else { self.count };
        for (i, byte) in (0..).zip(&mut self.bytes[..COUNT_BYTES]) {
            let more = if i + 1 < COUNT_BYTES { 0x80 } else { 0 };
            *byte = (count >> (7 * i)) as u8 & 0x7f | more;
        }
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
