//! Checked access to a guest's memory: every address is tested, a bad one is `Fault`; knows no WASI function.

use std::io::{IoSlice, IoSliceMut};

use super::errno::Errno;

/// How many buffers one call looks at; more are left for the guest's next call, as after any short transfer.
const IOVECS_MAX: u32 = 1024;
/// Paths longer than this are refused before they are looked at.
const PATH_LEN_MAX: u32 = 64 * 1024;

/// The bytes at an address.
pub(super) fn bytes(memory: &[u8], at: u32, len: u32) -> Result<&[u8], Errno> {
    let end = at as usize + len as usize;
    memory.get(at as usize..end).ok_or(Errno::Fault)
}

/// The bytes at an address, to be written.
pub(super) fn bytes_mut(memory: &mut [u8], at: u32, len: u32) -> Result<&mut [u8], Errno> {
    let end = at as usize + len as usize;
    memory.get_mut(at as usize..end).ok_or(Errno::Fault)
}

/// `Fault` unless a result can be written there: asked before an effect that could not be taken back.
pub(super) fn check(memory: &[u8], at: u32, len: u32) -> Result<(), Errno> {
    bytes(memory, at, len).map(|_| ())
}

/// A fixed number of bytes at an address.
pub(super) fn load<const N: usize>(memory: &[u8], at: u32) -> Result<[u8; N], Errno> {
    memory.get(at as usize..).and_then(|rest| rest.first_chunk()).copied().ok_or(Errno::Fault)
}

/// Writes a fixed number of bytes.
pub(super) fn store<const N: usize>(memory: &mut [u8], at: u32, value: [u8; N]) -> Result<(), Errno> {
    let place = memory.get_mut(at as usize..).and_then(|rest| rest.first_chunk_mut());
    *place.ok_or(Errno::Fault)? = value;
    Ok(())
}

/// Writes a 32-bit result.
pub(super) fn store_u32(memory: &mut [u8], at: u32, value: u32) -> Result<(), Errno> {
    store(memory, at, value.to_le_bytes())
}

/// Writes a 64-bit result.
pub(super) fn store_u64(memory: &mut [u8], at: u32, value: u64) -> Result<(), Errno> {
    store(memory, at, value.to_le_bytes())
}

/// A path: UTF-8 without NUL.
pub(super) fn path(memory: &[u8], at: u32, len: u32) -> Result<&str, Errno> {
    let bytes = bytes(memory, at, len)?;
    if len > PATH_LEN_MAX {
        return Err(Errno::Nametoolong);
    }
    let path = std::str::from_utf8(bytes).map_err(|_| Errno::Ilseq)?;
    if path.contains('\0') { Err(Errno::Inval) } else { Ok(path) }
}

/// The list of buffers at an address: where each starts and how long it is, all inside the memory.
fn buffers(memory: &[u8], iovs: u32, count: u32) -> Result<Vec<(usize, usize)>, Errno> {
    let table = iovs as usize..iovs as usize + 8 * count as usize;
    let table = memory.get(table).ok_or(Errno::Fault)?;
    let entries = table.chunks_exact(8).take(IOVECS_MAX as usize);
    entries.map(|entry| buffer(memory, entry)).collect()
}

/// One entry of a list of buffers, tested.
fn buffer(memory: &[u8], entry: &[u8]) -> Result<(usize, usize), Errno> {
    let entry: [u8; 8] = entry.try_into().map_err(|_| Errno::Fault)?;
    let entry = u64::from_le_bytes(entry);
    let (start, len) = (entry as u32 as usize, (entry >> 32) as usize);
    if start + len <= memory.len() { Ok((start, len)) } else { Err(Errno::Fault) }
}

/// Runs `write` over the buffers of a `ciovec` array; one buffer, the common case, allocates nothing.
pub(super) fn gather<R>(
    memory: &[u8],
    iovs: u32,
    count: u32,
    write: impl FnOnce(&[IoSlice<'_>]) -> Result<R, Errno>,
) -> Result<R, Errno> {
    if count == 1 {
        let (start, len) = buffer(memory, &load::<8>(memory, iovs)?)?;
        return write(&[IoSlice::new(&memory[start..start + len])]);
    }
    let buffers = buffers(memory, iovs, count)?;
    let slices: Vec<_> =
        buffers.iter().map(|&(start, len)| IoSlice::new(&memory[start..start + len])).collect();
    write(&slices)
}

/// Runs `read` over the buffers of an `iovec` array. Where buffers overlap only the first that is not empty is
/// offered, which makes a short read.
pub(super) fn scatter<R>(
    memory: &mut [u8],
    iovs: u32,
    count: u32,
    read: impl FnOnce(&mut [IoSliceMut<'_>]) -> Result<R, Errno>,
) -> Result<R, Errno> {
    if count == 1 {
        let (start, len) = buffer(memory, &load::<8>(memory, iovs)?)?;
        return read(&mut [IoSliceMut::new(&mut memory[start..start + len])]);
    }
    let mut buffers = buffers(memory, iovs, count)?;
    buffers.retain(|&(_, len)| len > 0);
    let mut by_address: Vec<usize> = (0..buffers.len()).collect();
    by_address.sort_unstable_by_key(|&i| buffers[i].0);
    let overlap = by_address.windows(2).any(|pair| {
        let (start, len) = buffers[pair[0]];
        start + len > buffers[pair[1]].0
    });
    if overlap {
        let (start, len) = buffers[0];
        return read(&mut [IoSliceMut::new(&mut memory[start..start + len])]);
    }

    let mut slices: Vec<_> = buffers.iter().map(|_| IoSliceMut::new(&mut [])).collect();
    let (mut rest, mut rest_at) = (memory, 0);
    for i in by_address {
        let (start, len) = buffers[i];
        let (_, from_start) = rest.split_at_mut(start - rest_at);
        let (slice, after) = from_start.split_at_mut(len);
        slices[i] = IoSliceMut::new(slice);
        (rest, rest_at) = (after, start + len);
    }
    read(&mut slices)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A memory whose first bytes are an iovec array of these buffers.
    fn with_iovecs(size: usize, buffers: &[(u32, u32)]) -> Vec<u8> {
        let mut memory = vec![0; size];
        for (i, &(start, len)) in buffers.iter().enumerate() {
            store_u32(&mut memory, 8 * i as u32, start).unwrap();
            store_u32(&mut memory, 8 * i as u32 + 4, len).unwrap();
        }
        memory
    }

    /// Scatters the numbers from 1 on and says how many were taken.
    fn count_into(slices: &mut [IoSliceMut<'_>]) -> Result<usize, Errno> {
        let mut next = 0;
        for byte in slices.iter_mut().flat_map(|slice| slice.iter_mut()) {
            next += 1;
            *byte = next as u8;
        }
        Ok(next)
    }

    #[test]
    fn addresses_are_checked_to_the_last_byte() {
        let mut memory = vec![0; 16];
        assert_eq!(store_u64(&mut memory, 8, 1), Ok(()));
        assert_eq!(store_u64(&mut memory, 9, 1), Err(Errno::Fault));
        assert_eq!(store_u32(&mut memory, u32::MAX, 1), Err(Errno::Fault));
        assert_eq!(load::<4>(&memory, 13), Err(Errno::Fault));
        assert_eq!(bytes(&memory, 16, 0), Ok(&[][..]));
        assert_eq!(bytes(&memory, u32::MAX, u32::MAX), Err(Errno::Fault));
    }

    #[test]
    fn paths_are_text_without_nul() {
        let memory = b"abc\0\xff";
        assert_eq!(path(memory, 0, 3), Ok("abc"));
        assert_eq!(path(memory, 0, 4), Err(Errno::Inval));
        assert_eq!(path(memory, 4, 1), Err(Errno::Ilseq));
        assert_eq!(path(memory, 4, 2), Err(Errno::Fault));
        assert_eq!(path(&vec![b'a'; 1 << 17], 0, 1 << 17), Err(Errno::Nametoolong));
    }

    #[test]
    fn buffers_are_filled_in_the_order_of_the_guest() {
        let mut memory = with_iovecs(64, &[(40, 2), (0, 0), (32, 3)]);
        assert_eq!(scatter(&mut memory, 0, 3, count_into), Ok(5));
        assert_eq!((&memory[32..35], &memory[40..42]), (&[3, 4, 5][..], &[1, 2][..]));
    }

    #[test]
    fn of_overlapping_buffers_the_first_is_used() {
        let mut memory = with_iovecs(64, &[(0, 0), (40, 4), (42, 4)]);
        assert_eq!(scatter(&mut memory, 0, 3, count_into), Ok(4));
        assert_eq!(&memory[40..46], [1, 2, 3, 4, 0, 0]);
        let total = gather(&memory, 0, 3, |slices| Ok(slices.iter().map(|s| s.len()).sum::<usize>()));
        assert_eq!(total, Ok(8));
    }

    #[test]
    fn a_buffer_outside_is_a_fault() {
        for buffers in [&[(60, 5)][..], &[(0, 1), (u32::MAX, u32::MAX)]] {
            let mut memory = with_iovecs(64, buffers);
            let count = buffers.len() as u32;
            assert_eq!(scatter(&mut memory, 0, count, count_into), Err(Errno::Fault));
            assert_eq!(gather(&memory, 0, count, |_| Ok(())), Err(Errno::Fault));
        }
        assert_eq!(gather(&[0; 15], 0, 2, |_| Ok(())), Err(Errno::Fault));
        assert_eq!(gather(&[0; 8], 0, u32::MAX, |_| Ok(())), Err(Errno::Fault));
    }

    #[test]
    fn the_number_of_buffers_is_bounded() {
        let count = IOVECS_MAX + 1;
        let memory = vec![0; 8 * count as usize];
        assert_eq!(gather(&memory, 0, count, |slices| Ok(slices.len())), Ok(IOVECS_MAX as usize));
    }
}
