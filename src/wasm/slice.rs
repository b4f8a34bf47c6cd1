//! A part of a section in memory, as the DWARF library reads it. It shares the section, so that what was read of it can be
//! kept and go to other threads. Knows nothing of what the bytes mean.

use addr2line::gimli::{Error, LittleEndian, Reader, ReaderOffsetId};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// A part of a section.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    section: Arc<[u8]>,
    range: Range<usize>,
}

impl Slice {
    /// A whole section.
    pub(super) fn new(section: Vec<u8>) -> Slice {
        Slice { range: 0..section.len(), section: section.into() }
    }

    fn bytes(&self) -> &[u8] {
        &self.section[self.range.clone()]
    }

    /// An offset into the section, as an identity that every part of it knows.
    fn id(&self, offset: usize) -> ReaderOffsetId {
        ReaderOffsetId((self.section.as_ptr().addr() + offset) as u64)
    }
}

impl Reader for Slice {
    type Endian = LittleEndian;
    type Offset = usize;

    fn endian(&self) -> LittleEndian {
        LittleEndian
    }

    fn len(&self) -> usize {
        self.range.len()
    }

    fn empty(&mut self) {
        self.range.end = self.range.start;
    }

    fn truncate(&mut self, len: usize) -> Result<(), Error> {
        if len > self.range.len() {
            return Err(Error::UnexpectedEof(self.offset_id()));
        }
        self.range.end = self.range.start + len;
        Ok(())
    }

    fn offset_from(&self, base: &Slice) -> usize {
        self.range.start - base.range.start
    }

    fn offset_id(&self) -> ReaderOffsetId {
        self.id(self.range.start)
    }

    fn lookup_offset_id(&self, id: ReaderOffsetId) -> Option<usize> {
        let offset = id.0.checked_sub(self.offset_id().0)?;
        usize::try_from(offset).ok().filter(|offset| *offset <= self.range.len())
    }

    fn find(&self, byte: u8) -> Result<usize, Error> {
        memchr::memchr(byte, self.bytes()).ok_or(Error::UnexpectedEof(self.offset_id()))
    }

    fn skip(&mut self, len: usize) -> Result<(), Error> {
        self.split(len).map(drop)
    }

    fn split(&mut self, len: usize) -> Result<Slice, Error> {
        let mut first = self.clone();
        first.truncate(len)?;
        self.range.start += len;
        Ok(first)
    }

    fn to_slice(&self) -> Result<Cow<'_, [u8]>, Error> {
        Ok(self.bytes().into())
    }

    fn to_string(&self) -> Result<Cow<'_, str>, Error> {
        std::str::from_utf8(self.bytes()).map(Cow::from).map_err(|_| Error::BadUtf8)
    }

    fn to_string_lossy(&self) -> Result<Cow<'_, str>, Error> {
        Ok(String::from_utf8_lossy(self.bytes()))
    }

    fn read_slice(&mut self, out: &mut [u8]) -> Result<(), Error> {
        let read = self.split(out.len())?;
        out.copy_from_slice(read.bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_know_where_they_are_and_where_they_end() {
        let whole = Slice::new(b"one\0two".to_vec());
        let mut rest = whole.clone();
        let one = rest.split(rest.find(0).unwrap()).unwrap();
        assert_eq!((one.to_string().unwrap(), one.offset_from(&whole)), ("one".into(), 0));
        rest.skip(1).unwrap();
        assert_eq!((rest.offset_from(&whole), rest.len()), (4, 3));
        assert_eq!(whole.lookup_offset_id(rest.offset_id()), Some(4));
        assert_eq!(rest.lookup_offset_id(whole.offset_id()), None);
        assert!(rest.find(0).is_err() && rest.truncate(4).is_err() && rest.clone().skip(4).is_err());
        let mut two = [0; 3];
        rest.read_slice(&mut two).unwrap();
        assert_eq!((&two, rest.is_empty(), rest.read_u8().is_err()), (b"two", true, true));
        rest.empty();
        assert!(Slice::new(vec![0xff]).to_string().is_err());
    }
}
