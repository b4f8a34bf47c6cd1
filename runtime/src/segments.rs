//! Data segments on their way from the guest file to memories. Small ones that lie side by side are read together: a
//! program may have tens of thousands of them, and a read of a file costs more than copying what it brings. Knows
//! nothing of where they go.
//!
//! ```text
//!  file   header│data 0│header│data 1│header│data 2│header│ data 3, a large one    │header│data 4│
//!               └────────── one window ───────────┘       └─ straight to its place ─┘      └─ window ─
//! ```

use crate::module::{DataSegment, GuestBytes};
use std::ops::Range;

/// Most bytes of a window.
const WINDOW_BYTES: u64 = 64 << 10;

/// Segments of so many bytes are read by themselves: nothing is gained by copying them twice.
const ALONE_BYTES: u64 = 8 << 10;

/// The most that may lie between two segments of a window: the header of the second.
const GAP_BYTES: u64 = 64;

/// Reads the segments of one module, in their order.
pub(crate) struct Segments<'a> {
    source: &'a dyn GuestBytes,
    segments: &'a [DataSegment],
    /// What was read last, and where it lies in the file.
    window: Vec<u8>,
    start: u64,
}

impl<'a> Segments<'a> {
    pub(crate) fn new(source: &'a dyn GuestBytes, segments: &'a [DataSegment]) -> Segments<'a> {
        Segments { source, segments, window: Vec::new(), start: 0 }
    }

    /// Copies the n-th segment to `out`, which is as long as it is.
    ///
    /// # Errors
    /// As [`GuestBytes::read`].
    pub(crate) fn read(&mut self, n: usize, out: &mut [u8]) -> Result<(), String> {
        let range = &self.segments[n].range;
        if out.len() as u64 >= ALONE_BYTES {
            return self.source.read(range.start, out);
        }
        if self.seen(range.start, out.len()).is_none() {
            self.window.resize((self.neighbours(n) - range.start) as usize, 0);
            self.start = range.start;
            let read = self.source.read(self.start, &mut self.window);
            if read.is_err() {
                self.window.clear();
                return read;
            }
        }
        let seen = self.seen(range.start, out.len());
        out.copy_from_slice(seen.expect("the window begins with the segment"));
        Ok(())
    }

    /// The bytes at `at`, if they are in the window.
    fn seen(&self, at: u64, len: usize) -> Option<&[u8]> {
        let start = usize::try_from(at.checked_sub(self.start)?).ok()?;
        self.window.get(start..start.checked_add(len)?)
    }

    /// Where a window ends that begins with the n-th segment.
    fn neighbours(&self, n: usize) -> u64 {
        let Range { start, end } = self.segments[n].range;
        let mut end = end.max(start);
        for DataSegment { range, .. } in &self.segments[n + 1..] {
            let near = range.start.checked_sub(end).is_some_and(|gap| gap <= GAP_BYTES);
            if !near || range.start > range.end {
                break;
            }
            if range.end - start > WINDOW_BYTES || range.end - range.start >= ALONE_BYTES {
                break;
            }
            end = range.end;
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// A file that remembers what was read of it.
    struct Watched(Vec<u8>, Mutex<Vec<(u64, usize)>>);

    impl GuestBytes for Watched {
        fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), String> {
            self.1.lock().unwrap().push((offset, out.len()));
            let bytes = self.0.get(offset as usize..offset as usize + out.len()).ok_or("cut")?;
            out.copy_from_slice(bytes);
            Ok(())
        }
    }

    /// Reads segments of these ranges one after the other; gives what was read of the file for it.
    fn reads(ranges: &[Range<u64>]) -> Vec<(u64, usize)> {
        let file: Vec<u8> = (0..100_000u32).flat_map(|n| n.to_le_bytes()).collect();
        let source = Watched(file, Mutex::default());
        let segments: Vec<_> =
            ranges.iter().map(|range| DataSegment { active: None, range: range.clone() }).collect();
        let mut reader = Segments::new(&source, &segments);
        for (n, range) in ranges.iter().enumerate() {
            let mut out = vec![0; (range.end - range.start) as usize];
            reader.read(n, &mut out).unwrap();
            assert_eq!(out, source.0[range.start as usize..range.end as usize], "{range:?}");
        }
        source.1.into_inner().unwrap()
    }

    #[test]
    fn small_neighbours_are_read_together() {
        let many: Vec<_> = (0..10_000).map(|n| 30 * n..30 * n + n % 24).collect();
        assert!(reads(&many).len() < 8);
        assert_eq!(reads(&[0..10, 12..20, 84..85]), [(0, 85)]);
        assert_eq!(reads(&[0..10, 75..80]), [(0, 10), (75, 5)], "not what is far away");
        assert_eq!(reads(&[0..10, 12..9_000, 9_005..9_010]), [(0, 10), (12, 8_988), (9_005, 5)]);
        assert_eq!(reads(&[50..60, 40..45, 0..0, 45..50]), [(50, 10), (40, 5), (0, 50)], "backwards");
    }

    #[test]
    fn a_cut_file_is_an_error_at_every_segment() {
        let source = Watched(vec![1; 10], Mutex::default());
        let segments = [0..5, 7..12, 8..10].map(|range| DataSegment { active: None, range });
        let mut reader = Segments::new(&source, &segments);
        assert_eq!(reader.read(0, &mut [0; 5]), Err("cut".into()));
        assert_eq!(reader.read(1, &mut [0; 5]), Err("cut".into()));
        let mut out = [0; 2];
        assert_eq!((reader.read(2, &mut out), out), (Ok(()), [1, 1]));
    }
}
