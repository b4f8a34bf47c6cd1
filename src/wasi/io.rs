//! Transfers between descriptors and the guest's memory, and their positions: `fd_read`, `fd_write`, `fd_pread`,
//! `fd_pwrite`, `fd_seek`, `fd_tell`. Bytes go straight between the two; positions are the host's.

use std::io::{IoSlice, IoSliceMut, SeekFrom};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{preadv, pwritev, readv, writev};

use super::ctx::WasiCtx;
use super::errno::Errno;
use super::guest;
use super::host::retry;
use super::stdio::{Input, Output};
use super::table::{Descriptor, Kind};
use super::types::{Version, Whence, fdflags, rights};

impl WasiCtx {
    /// Reads at the position of a descriptor, by one read over all buffers.
    pub fn fd_read(
        &mut self,
        memory: &mut [u8],
        fd: u32,
        iovs: u32,
        iovs_len: u32,
        nread: u32,
    ) -> Result<(), Errno> {
        guest::check(memory, nread, 4)?;
        let descriptor = self.table.get_mut(fd, rights::FD_READ)?;
        let read = guest::scatter(memory, iovs, iovs_len, |buffers| read(descriptor, buffers))?;
        guest::store_u32(memory, nread, read as u32)
    }

    /// Reads at an offset and leaves the position.
    pub fn fd_pread(
        &mut self,
        memory: &mut [u8],
        fd: u32,
        iovs: u32,
        iovs_len: u32,
        offset: u64,
        nread: u32,
    ) -> Result<(), Errno> {
        guest::check(memory, nread, 4)?;
        let read = match &self.table.get(fd, rights::FD_READ)?.kind {
            Kind::File(file) => {
                guest::scatter(memory, iovs, iovs_len, |buffers| retry(|| preadv(file, buffers, offset)))?
            }
            Kind::Directory(_) => return Err(Errno::Isdir),
            Kind::Output(_) => return Err(Errno::Badf),
            Kind::Input(_) | Kind::Stream(_) | Kind::Listener(_) => return Err(Errno::Spipe),
        };
        guest::store_u32(memory, nread, read as u32)
    }

    /// Writes at the position of a descriptor, by one write over all buffers.
    pub fn fd_write(
        &mut self,
        memory: &mut [u8],
        fd: u32,
        iovs: u32,
        iovs_len: u32,
        nwritten: u32,
    ) -> Result<(), Errno> {
        guest::check(memory, nwritten, 4)?;
        let descriptor = self.table.get_mut(fd, rights::FD_WRITE)?;
        let written = guest::gather(memory, iovs, iovs_len, |buffers| write(descriptor, buffers))?;
        guest::store_u32(memory, nwritten, written as u32)
    }

    /// Writes at an offset and leaves the position. (Linux writes at the end of a file opened for appending.)
    pub fn fd_pwrite(
        &mut self,
        memory: &mut [u8],
        fd: u32,
        iovs: u32,
        iovs_len: u32,
        offset: u64,
        nwritten: u32,
    ) -> Result<(), Errno> {
        guest::check(memory, nwritten, 4)?;
        let written = match &self.table.get(fd, rights::FD_WRITE)?.kind {
            Kind::File(file) => {
                guest::gather(memory, iovs, iovs_len, |buffers| retry(|| pwritev(file, buffers, offset)))?
            }
            Kind::Directory(_) | Kind::Input(_) => return Err(Errno::Badf),
            Kind::Output(_) | Kind::Stream(_) | Kind::Listener(_) => return Err(Errno::Spipe),
        };
        guest::store_u32(memory, nwritten, written as u32)
    }

    /// Moves the position of a file.
    pub fn fd_seek(
        &mut self,
        memory: &mut [u8],
        fd: u32,
        offset: i64,
        whence: u32,
        position: u32,
        version: Version,
    ) -> Result<(), Errno> {
        let to = match Whence::decode(whence, version)? {
            Whence::Set => SeekFrom::Start(u64::try_from(offset).map_err(|_| Errno::Inval)?),
            Whence::Current => SeekFrom::Current(offset),
            Whence::End => SeekFrom::End(offset),
        };
        // To ask for the position is not to move it.
        let needed = if to == SeekFrom::Current(0) { rights::FD_TELL } else { rights::FD_SEEK };
        self.seek(memory, fd, to, needed, position)
    }

    /// Writes the position of a file.
    pub fn fd_tell(&mut self, memory: &mut [u8], fd: u32, position: u32) -> Result<(), Errno> {
        self.seek(memory, fd, SeekFrom::Current(0), rights::FD_TELL, position)
    }

    fn seek(
        &mut self,
        memory: &mut [u8],
        fd: u32,
        to: SeekFrom,
        needed: u64,
        position: u32,
    ) -> Result<(), Errno> {
        guest::check(memory, position, 8)?;
        let to = match to {
            SeekFrom::Start(at) => rustix::fs::SeekFrom::Start(at),
            SeekFrom::Current(by) => rustix::fs::SeekFrom::Current(by),
            SeekFrom::End(by) => rustix::fs::SeekFrom::End(by),
        };
        let reached = match &self.table.get(fd, needed)?.kind {
            Kind::File(file) => rustix::fs::seek(file, to)?,
            Kind::Directory(_) => return Err(Errno::Badf),
            _ => return Err(Errno::Spipe),
        };
        guest::store_u64(memory, position, reached)
    }
}

/// One read from a descriptor.
fn read(descriptor: &mut Descriptor, buffers: &mut [IoSliceMut<'_>]) -> Result<usize, Errno> {
    if let Kind::Input(Input::Inherit) = &descriptor.kind {
        refuse_to_wait(descriptor, PollFlags::IN)?;
    }
    match &mut descriptor.kind {
        Kind::File(file) => retry(|| readv(&*file, buffers)),
        Kind::Input(input) => input.read(buffers),
        Kind::Stream(socket) => retry(|| readv(&*socket, buffers)),
        Kind::Directory(_) => Err(Errno::Isdir),
        Kind::Output(_) | Kind::Listener(_) => Err(Errno::Badf),
    }
}

/// One write to a descriptor.
fn write(descriptor: &mut Descriptor, buffers: &[IoSlice<'_>]) -> Result<usize, Errno> {
    if let Kind::Output(Output::InheritStdout | Output::InheritStderr) = &descriptor.kind {
        refuse_to_wait(descriptor, PollFlags::OUT)?;
    }
    match &mut descriptor.kind {
        Kind::File(file) => retry(|| writev(&*file, buffers)),
        Kind::Output(output) => output.write(buffers),
        Kind::Stream(socket) => retry(|| writev(&*socket, buffers)),
        Kind::Directory(_) | Kind::Input(_) | Kind::Listener(_) => Err(Errno::Badf),
    }
}

/// `Again` where a standard stream that the guest made non-blocking would wait. The stream itself is shared with other
/// processes and stays as it is.
fn refuse_to_wait(descriptor: &Descriptor, direction: PollFlags) -> Result<(), Errno> {
    if descriptor.flags & fdflags::NONBLOCK == 0 {
        return Ok(());
    }
    let Some(fd) = descriptor.host_fd() else { return Ok(()) };
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let ready = retry(|| poll(&mut [PollFd::from_borrowed_fd(fd, direction)], Some(&now)))?;
    if ready == 0 { Err(Errno::Again) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasi::testing::{DATA, Guest, OUT, ROOT};
    use crate::wasi::types::oflags;
    use crate::wasi::{MemoryInput, MemoryOutput};

    fn seek(guest: &mut Guest, fd: u32, offset: i64, whence: u32) -> Result<u64, Errno> {
        guest.ctx.fd_seek(&mut guest.memory, fd, offset, whence, OUT, Version::Preview1)?;
        Ok(guest.u64(OUT))
    }

    fn tell(guest: &mut Guest, fd: u32) -> Result<u64, Errno> {
        guest.ctx.fd_tell(&mut guest.memory, fd, OUT)?;
        Ok(guest.u64(OUT))
    }

    #[test]
    fn reads_and_writes_move_the_position() {
        let mut guest = Guest::new();
        let fd = guest.open("file", oflags::CREAT).unwrap();
        assert_eq!(guest.write(fd, b"hello world"), Ok(11));
        assert_eq!(tell(&mut guest, fd), Ok(11));
        assert_eq!(guest.read(fd, 10), Ok(vec![]));
        assert_eq!(seek(&mut guest, fd, 6, 0), Ok(6));
        assert_eq!(guest.read(fd, 3).unwrap(), b"wor");
        assert_eq!(seek(&mut guest, fd, -2, 1), Ok(7));
        assert_eq!(seek(&mut guest, fd, -1, 2), Ok(10));
        assert_eq!(guest.read(fd, 9).unwrap(), b"d");
        assert_eq!(seek(&mut guest, fd, 100, 2), Ok(111));
        assert_eq!(std::fs::read(guest.host("file")).unwrap(), b"hello world");
    }

    #[test]
    fn seeking_before_the_start_or_oddly_is_invalid() {
        let mut guest = Guest::with_file();
        let fd = guest.open_to_read("dir/file").unwrap();
        for (offset, whence) in [(-1, 0), (-1, 1), (-6, 2), (i64::MIN, 1), (0, 3)] {
            assert_eq!(seek(&mut guest, fd, offset, whence), Err(Errno::Inval), "{offset} {whence}");
        }
        let Guest { ctx, memory, .. } = &mut guest;
        ctx.fd_seek(memory, fd, 3, 2, OUT, Version::Unstable).unwrap();
        assert_eq!(tell(&mut guest, fd), Ok(3));
    }

    #[test]
    fn transfers_at_an_offset_leave_the_position() {
        let mut guest = Guest::with_file();
        let fd = guest.open("dir/file", 0).unwrap();
        let (iovs, count) = guest.iovec(3);
        guest.ctx.fd_pread(&mut guest.memory, fd, iovs, count, 2, OUT).unwrap();
        assert_eq!((guest.u32(OUT), &guest.memory[DATA as usize..][..3]), (3, &b"llo"[..]));
        guest.ctx.fd_pwrite(&mut guest.memory, fd, iovs, count, 4, OUT).unwrap();
        assert_eq!((guest.u32(OUT), tell(&mut guest, fd)), (3, Ok(0)));
        assert_eq!(std::fs::read(guest.host("dir/file")).unwrap(), b"hellllo");
        let Guest { ctx, memory, .. } = &mut guest;
        assert_eq!(ctx.fd_pread(memory, fd, iovs, count, u64::MAX, OUT), Err(Errno::Inval));
    }

    #[test]
    fn many_buffers_are_one_transfer() {
        let mut guest = Guest::with_file();
        let fd = guest.open("dir/file", 0).unwrap();
        for (i, field) in [DATA, 2, DATA + 100, 0, DATA + 50, 9].into_iter().enumerate() {
            guest::store_u32(&mut guest.memory, 512 + 4 * i as u32, field).unwrap();
        }
        guest.ctx.fd_read(&mut guest.memory, fd, 512, 3, OUT).unwrap();
        assert_eq!(guest.u32(OUT), 5);
        assert_eq!(guest.memory[DATA as usize..][..3], *b"he\0");
        assert_eq!(guest.memory[DATA as usize + 50..][..4], *b"llo\0");
        guest.ctx.fd_write(&mut guest.memory, fd, 512, 3, OUT).unwrap();
        assert_eq!(std::fs::read(guest.host("dir/file")).unwrap(), b"hellohello\0\0\0\0\0\0");
    }

    #[test]
    fn the_mode_of_opening_is_kept() {
        let mut guest = Guest::with_file();
        let reader = guest.open_to_read("dir/file").unwrap();
        assert_eq!(guest.write(reader, b"x"), Err(Errno::Badf));
        let writer = guest.open_with(ROOT, "dir/file", 0, rights::FD_WRITE, 0).unwrap();
        assert_eq!(guest.read(writer, 1), Err(Errno::Badf));
        assert_eq!(guest.write(writer, b"x"), Ok(1));
        assert_eq!(std::fs::read(guest.host("dir/file")).unwrap(), b"xello");
    }

    #[test]
    fn appending_ignores_the_position() {
        let mut guest = Guest::with_file();
        let fd = guest.open_with(ROOT, "dir/file", 0, rights::FD_WRITE, fdflags::APPEND).unwrap();
        guest.write(fd, b" there").unwrap();
        assert_eq!(std::fs::read(guest.host("dir/file")).unwrap(), b"hello there");
    }

    #[test]
    fn directories_and_unknown_descriptors_transfer_nothing() {
        let mut guest = Guest::new();
        assert_eq!(guest.read(ROOT, 1), Err(Errno::Isdir));
        assert_eq!(guest.write(ROOT, b"x"), Err(Errno::Badf));
        assert_eq!(seek(&mut guest, ROOT, 0, 1), Err(Errno::Badf));
        assert_eq!(tell(&mut guest, ROOT), Err(Errno::Badf));
        assert_eq!(guest.read(99, 1), Err(Errno::Badf));
        assert_eq!(guest.write(u32::MAX, b"x"), Err(Errno::Badf));
        assert_eq!(seek(&mut guest, 99, 0, 1), Err(Errno::Badf));
        let Guest { ctx, memory, .. } = &mut guest;
        assert_eq!(ctx.fd_pread(memory, ROOT, 0, 0, 0, OUT), Err(Errno::Isdir));
        assert_eq!(ctx.fd_pwrite(memory, ROOT, 0, 0, 0, OUT), Err(Errno::Badf));
        assert_eq!(ctx.fd_pwrite(memory, 99, 0, 0, 0, OUT), Err(Errno::Badf));
    }

    #[test]
    fn standard_streams_have_directions_and_no_position() {
        let mut guest = Guest::new();
        let output = MemoryOutput::new(100);
        guest.ctx = WasiCtx::builder().stdin(MemoryInput::new(*b"in")).stdout(output.clone()).build();
        assert_eq!(guest.read(0, 9).unwrap(), b"in");
        assert_eq!(guest.read(0, 9).unwrap(), b"");
        assert_eq!(guest.write(1, b"out"), Ok(3));
        assert_eq!(guest.write(2, b"lost"), Ok(4));
        assert_eq!(output.contents(), b"out");
        assert_eq!(guest.write(0, b"x"), Err(Errno::Badf));
        assert_eq!(guest.read(1, 1), Err(Errno::Badf));
        assert_eq!(seek(&mut guest, 1, 0, 1), Err(Errno::Spipe));
        assert_eq!(tell(&mut guest, 0), Err(Errno::Spipe));
        let Guest { ctx, memory, .. } = &mut guest;
        assert_eq!(ctx.fd_pread(memory, 0, 0, 0, 0, OUT), Err(Errno::Spipe));
        assert_eq!(ctx.fd_pread(memory, 1, 0, 0, 0, OUT), Err(Errno::Badf));
        assert_eq!(ctx.fd_pwrite(memory, 1, 0, 0, 0, OUT), Err(Errno::Spipe));
        assert_eq!(ctx.fd_pwrite(memory, 0, 0, 0, 0, OUT), Err(Errno::Badf));
    }

    #[test]
    fn bad_addresses_have_no_effect() {
        let mut guest = Guest::with_file();
        let fd = guest.open("dir/file", 0).unwrap();
        let outside = guest.memory.len() as u32;
        let (iovs, count) = guest.iovec(2);
        let Guest { ctx, memory, .. } = &mut guest;
        assert_eq!(ctx.fd_read(memory, fd, iovs, count, outside - 3), Err(Errno::Fault));
        assert_eq!(ctx.fd_write(memory, fd, iovs, count, outside), Err(Errno::Fault));
        assert_eq!(ctx.fd_pread(memory, fd, outside, 1, 0, OUT), Err(Errno::Fault));
        assert_eq!(ctx.fd_pwrite(memory, fd, outside - 8, 2, 0, OUT), Err(Errno::Fault));
        assert_eq!(ctx.fd_seek(memory, fd, 1, 0, outside, Version::Preview1), Err(Errno::Fault));
        assert_eq!(tell(&mut guest, fd), Ok(0));
        assert_eq!(std::fs::read(guest.host("dir/file")).unwrap(), b"hello");
    }
}
