//! What concerns a descriptor as such: `fd_close`, `fd_renumber`, `fd_fdstat_*`, `fd_filestat_*`, `fd_advise`,
//! `fd_allocate`, `fd_sync`, `fd_datasync`; moves no bytes of a file.

use std::num::NonZeroU64;

use rustix::fs::{Advice, FallocateFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};

use super::ctx::WasiCtx;
use super::errno::Errno;
use super::host::retry;
use super::table::{Kind, Rights};
use super::types::{Filestat, Version, fdflags, fstflags, known_flags, rights};
use super::{guest, host};

/// What becomes of one time of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NewTime {
    Keep,
    Now,
    /// Nanoseconds since 1970.
    At(u64),
}

impl NewTime {
    /// The new times of access and modification.
    pub(super) fn decode(atim: u64, mtim: u64, flags: u32) -> Result<[NewTime; 2], Errno> {
        let flags = known_flags(flags, fstflags::ALL)?;
        let decode = |time, set, now| match (flags & set != 0, flags & now != 0) {
            (true, true) => Err(Errno::Inval),
            (true, false) => Ok(NewTime::At(time)),
            (false, true) => Ok(NewTime::Now),
            (false, false) => Ok(NewTime::Keep),
        };
        let atim = decode(atim, fstflags::ATIM, fstflags::ATIM_NOW)?;
        Ok([atim, decode(mtim, fstflags::MTIM, fstflags::MTIM_NOW)?])
    }

    fn to_timespec(self) -> Timespec {
        match self {
            NewTime::Keep => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
            NewTime::Now => Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
            NewTime::At(time) => host::to_timespec(time),
        }
    }
}

impl WasiCtx {
    /// Closes a descriptor.
    pub fn fd_close(&mut self, _memory: &mut [u8], fd: u32) -> Result<(), Errno> {
        self.table.remove(fd).map(drop)
    }

    /// Gives a descriptor the number of another, which is closed.
    pub fn fd_renumber(&mut self, _memory: &mut [u8], from: u32, to: u32) -> Result<(), Errno> {
        self.table.renumber(from, to)
    }

    /// Writes kind, flags and rights of a descriptor.
    pub fn fd_fdstat_get(&mut self, memory: &mut [u8], fd: u32, fdstat: u32) -> Result<(), Errno> {
        let descriptor = self.table.get(fd, 0)?;
        let mut bytes = [0; 24];
        bytes[0] = descriptor.filetype as u8;
        bytes[2..4].copy_from_slice(&descriptor.flags.to_le_bytes());
        bytes[8..16].copy_from_slice(&descriptor.rights.base.to_le_bytes());
        bytes[16..24].copy_from_slice(&descriptor.rights.inheriting.to_le_bytes());
        guest::store(memory, fdstat, bytes)
    }

    /// Sets whether a descriptor appends and whether it waits; how it synchronizes was decided when it was opened.
    pub fn fd_fdstat_set_flags(&mut self, _memory: &mut [u8], fd: u32, flags: u32) -> Result<(), Errno> {
        const CHANGEABLE: u16 = fdflags::APPEND | fdflags::NONBLOCK;
        let flags = known_flags(flags, fdflags::ALL)?;
        let descriptor = self.table.get_mut(fd, rights::FD_FDSTAT_SET_FLAGS)?;
        if (flags ^ descriptor.flags) & !CHANGEABLE != 0 {
            return Err(Errno::Inval);
        }
        match &descriptor.kind {
            Kind::File(file) => rustix::fs::fcntl_setfl(file, host::open_flags(flags))?,
            Kind::Stream(fd) | Kind::Listener(fd) => {
                rustix::fs::fcntl_setfl(fd, host::open_flags(flags & fdflags::NONBLOCK))?;
            }
            // Standard streams are shared with other processes, so their flags are kept here only.
            Kind::Input(_) | Kind::Output(_) => {}
            Kind::Directory(_) => return Err(Errno::Badf),
        }
        descriptor.flags = flags;
        Ok(())
    }

    /// Takes rights away; `Notcapable` if one would be added.
    pub fn fd_fdstat_set_rights(
        &mut self,
        _memory: &mut [u8],
        fd: u32,
        base: u64,
        inheriting: u64,
    ) -> Result<(), Errno> {
        let descriptor = self.table.get_mut(fd, 0)?;
        let held = descriptor.rights;
        if base & !held.base != 0 || inheriting & !held.inheriting != 0 {
            return Err(Errno::Notcapable);
        }
        let dropped = Rights { base: held.base & !base, inheriting: held.inheriting & !inheriting };
        descriptor.drop_rights(dropped);
        Ok(())
    }

    /// Writes the attributes of what is open.
    pub fn fd_filestat_get(
        &mut self,
        memory: &mut [u8],
        fd: u32,
        filestat: u32,
        version: Version,
    ) -> Result<(), Errno> {
        let descriptor = self.table.get(fd, rights::FD_FILESTAT_GET)?;
        let attributes = match &descriptor.kind {
            Kind::Input(_) | Kind::Output(_) => Filestat::nothing(descriptor.filetype),
            Kind::File(file) => host::filestat(file)?,
            Kind::Directory(directory) => host::filestat(&directory.dir)?,
            Kind::Listener(fd) | Kind::Stream(fd) => host::filestat(fd)?,
        };
        attributes.write(memory, filestat, version)
    }

    /// Sets the size of a file.
    pub fn fd_filestat_set_size(&mut self, _memory: &mut [u8], fd: u32, size: u64) -> Result<(), Errno> {
        let file = self.table.file(fd, rights::FD_FILESTAT_SET_SIZE)?;
        retry(|| rustix::fs::ftruncate(file, size))
    }

    /// Sets the times of what is open.
    pub fn fd_filestat_set_times(
        &mut self,
        _memory: &mut [u8],
        fd: u32,
        atim: u64,
        mtim: u64,
        flags: u32,
    ) -> Result<(), Errno> {
        let [atim, mtim] = NewTime::decode(atim, mtim, flags)?;
        let times = Timestamps { last_access: atim.to_timespec(), last_modification: mtim.to_timespec() };
        match &self.table.get(fd, rights::FD_FILESTAT_SET_TIMES)?.kind {
            Kind::File(file) => rustix::fs::futimens(file, &times)?,
            Kind::Directory(directory) => rustix::fs::futimens(&directory.dir, &times)?,
            _ => return Err(Errno::Badf),
        }
        Ok(())
    }

    /// Says how a part of a file will be used.
    pub fn fd_advise(
        &mut self,
        _memory: &mut [u8],
        fd: u32,
        offset: u64,
        len: u64,
        advice: u32,
    ) -> Result<(), Errno> {
        let advice = match advice {
            0 => Advice::Normal,
            1 => Advice::Sequential,
            2 => Advice::Random,
            3 => Advice::WillNeed,
            4 => Advice::DontNeed,
            5 => Advice::NoReuse,
            _ => return Err(Errno::Inval),
        };
        let file = self.table.file(fd, rights::FD_ADVISE)?;
        Ok(rustix::fs::fadvise(file, offset, NonZeroU64::new(len), advice)?)
    }

    /// Makes sure that a part of a file has its place on the disk; a file that ends before it grows.
    pub fn fd_allocate(&mut self, _memory: &mut [u8], fd: u32, offset: u64, len: u64) -> Result<(), Errno> {
        let file = self.table.file(fd, rights::FD_ALLOCATE)?;
        retry(|| rustix::fs::fallocate(file, FallocateFlags::empty(), offset, len))
    }

    /// Waits until data and attributes are on the disk.
    pub fn fd_sync(&mut self, _memory: &mut [u8], fd: u32) -> Result<(), Errno> {
        match &self.table.get(fd, rights::FD_SYNC)?.kind {
            Kind::File(file) => retry(|| rustix::fs::fsync(file)),
            Kind::Directory(directory) => retry(|| rustix::fs::fsync(&directory.dir)),
            _ => Err(Errno::Badf),
        }
    }

    /// Waits until the data is on the disk.
    pub fn fd_datasync(&mut self, _memory: &mut [u8], fd: u32) -> Result<(), Errno> {
        match &self.table.get(fd, rights::FD_DATASYNC)?.kind {
            Kind::File(file) => retry(|| rustix::fs::fdatasync(file)),
            Kind::Directory(directory) => retry(|| rustix::fs::fdatasync(&directory.dir)),
            _ => Err(Errno::Badf),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasi::DirPerms;
    use crate::wasi::testing::{Guest, OUT, ROOT};
    use crate::wasi::types::{FileType, oflags};

    const FLAGS: u32 = OUT + 2;
    const BASE: u32 = OUT + 8;
    const INHERITING: u32 = OUT + 16;

    /// Kind and flags of a descriptor; its rights are left at `BASE` and `INHERITING`.
    fn fdstat(guest: &mut Guest, fd: u32) -> Result<(u8, u32), Errno> {
        guest.ctx.fd_fdstat_get(&mut guest.memory, fd, OUT)?;
        Ok((guest.memory[OUT as usize], guest.u32(FLAGS) & 0xffff))
    }

    fn size(guest: &mut Guest, fd: u32) -> u64 {
        guest.ctx.fd_filestat_get(&mut guest.memory, fd, OUT, Version::Preview1).unwrap();
        guest.u64(OUT + 32)
    }

    #[test]
    fn fdstat_says_kind_flags_and_rights() {
        let mut guest = Guest::with_file();
        assert_eq!(fdstat(&mut guest, 0), Ok((FileType::Unknown as u8, 0)));
        assert_eq!(guest.u64(BASE) & (rights::FD_READ | rights::FD_WRITE), rights::FD_READ);
        assert_eq!(fdstat(&mut guest, 2), Ok((FileType::Unknown as u8, 0)));
        assert_eq!(guest.u64(BASE) & (rights::FD_READ | rights::FD_WRITE), rights::FD_WRITE);
        assert_eq!(fdstat(&mut guest, ROOT), Ok((FileType::Directory as u8, 0)));
        assert_eq!(guest.u64(BASE) & rights::FD_SEEK, 0);
        assert_eq!(guest.u64(INHERITING) & rights::FD_SEEK, rights::FD_SEEK);

        let flags = fdflags::APPEND | fdflags::NONBLOCK | fdflags::SYNC;
        let fd = guest.open_with(ROOT, "dir/file", 0, rights::FD_WRITE, flags).unwrap();
        assert_eq!(fdstat(&mut guest, fd), Ok((FileType::RegularFile as u8, u32::from(flags))));
        assert_eq!(guest.u64(BASE) & (rights::FD_READ | rights::FD_WRITE), rights::FD_WRITE);
        assert_eq!(fdstat(&mut guest, 99), Err(Errno::Badf));
        assert_eq!(guest.ctx.fd_fdstat_get(&mut guest.memory, 0, u32::MAX), Err(Errno::Fault));
    }

    #[test]
    fn appending_can_be_switched() {
        let mut guest = Guest::with_file();
        let fd = guest.open("dir/file", 0).unwrap();
        let append = u32::from(fdflags::APPEND);
        guest.ctx.fd_fdstat_set_flags(&mut [], fd, append).unwrap();
        assert_eq!(fdstat(&mut guest, fd).unwrap().1, append);
        guest.write(fd, b"!").unwrap();
        guest.ctx.fd_fdstat_set_flags(&mut [], fd, 0).unwrap();
        guest.ctx.fd_seek(&mut guest.memory, fd, 0, 0, OUT, Version::Preview1).unwrap();
        guest.write(fd, b"J").unwrap();
        assert_eq!(std::fs::read(guest.host("dir/file")).unwrap(), b"Jello!");
        let sync = u32::from(fdflags::SYNC);
        assert_eq!(guest.ctx.fd_fdstat_set_flags(&mut [], fd, sync), Err(Errno::Inval));
        assert_eq!(guest.ctx.fd_fdstat_set_flags(&mut [], fd, 1 << 5), Err(Errno::Inval));
        assert_eq!(guest.ctx.fd_fdstat_set_flags(&mut [], ROOT, 0), Err(Errno::Badf));
        assert_eq!(guest.ctx.fd_fdstat_set_flags(&mut [], 99, 0), Err(Errno::Badf));
        assert_eq!(guest.ctx.fd_fdstat_set_flags(&mut [], 0, 4), Ok(()));
        assert_eq!(fdstat(&mut guest, 0).unwrap().1, 4);
    }

    #[test]
    fn rights_only_shrink() {
        let mut guest = Guest::with_file();
        let fd = guest.open("dir/file", 0).unwrap();
        fdstat(&mut guest, fd).unwrap();
        let (base, inheriting) = (guest.u64(BASE), guest.u64(INHERITING));
        let ctx = &mut guest.ctx;
        ctx.fd_fdstat_set_rights(&mut [], fd, base & !rights::FD_WRITE, inheriting).unwrap();
        assert_eq!(ctx.fd_fdstat_set_rights(&mut [], fd, base, inheriting), Err(Errno::Notcapable));
        assert_eq!(ctx.fd_fdstat_set_rights(&mut [], 99, 0, 0), Err(Errno::Badf));
        assert_eq!(guest.write(fd, b"x"), Err(Errno::Notcapable));
        assert_eq!(guest.read(fd, 9).unwrap(), b"hello");
        fdstat(&mut guest, fd).unwrap();
        assert_eq!(guest.u64(BASE), base & !rights::FD_WRITE);
    }

    #[test]
    fn rights_are_handed_down() {
        let mut guest = Guest::with(DirPerms::ReadOnly);
        std::fs::create_dir(guest.host("dir")).unwrap();
        std::fs::write(guest.host("dir/file"), "hello").unwrap();
        assert_eq!(guest.open("dir/file", 0), Err(Errno::Notcapable));
        assert_eq!(guest.open("new", oflags::CREAT), Err(Errno::Notcapable));
        let dir = guest.open_to_read("dir").unwrap();
        let write = rights::FD_WRITE;
        assert_eq!(guest.open_with(dir, "file", 0, write, 0), Err(Errno::Notcapable));
        assert_eq!(guest.open_with(dir, "file", oflags::TRUNC, 0, 0), Err(Errno::Notcapable));
        let fd = guest.open_with(dir, "file", 0, rights::FD_READ, 0).unwrap();
        assert_eq!(guest.read(fd, 9).unwrap(), b"hello");
        assert_eq!(guest.ctx.fd_filestat_set_size(&mut [], fd, 0), Err(Errno::Notcapable));
        assert_eq!(guest.ctx.fd_filestat_set_times(&mut [], fd, 0, 0, 1), Err(Errno::Notcapable));
        let (path, len) = guest.path("file");
        let Guest { ctx, memory, .. } = &mut guest;
        assert_eq!(ctx.path_unlink_file(memory, dir, path, len), Err(Errno::Notcapable));
        assert_eq!(ctx.path_create_directory(memory, dir, path, len), Err(Errno::Notcapable));
        assert_eq!(ctx.path_rename(memory, dir, path, len, dir, path, len), Err(Errno::Notcapable));
    }

    #[test]
    fn a_closed_descriptor_is_gone() {
        let mut guest = Guest::with_file();
        let fd = guest.open_to_read("dir/file").unwrap();
        assert_eq!(guest.ctx.fd_close(&mut [], fd), Ok(()));
        assert_eq!(guest.ctx.fd_close(&mut [], fd), Err(Errno::Badf));
        assert_eq!(guest.read(fd, 1), Err(Errno::Badf));
        assert_eq!(guest.ctx.fd_close(&mut [], 0), Ok(()));
        assert_eq!(guest.open_to_read("dir/file"), Ok(0));
    }

    #[test]
    fn renumbering_moves_what_is_open() {
        let mut guest = Guest::with_file();
        let fd = guest.open_to_read("dir/file").unwrap();
        guest.ctx.fd_renumber(&mut [], fd, 0).unwrap();
        assert_eq!(guest.read(0, 9).unwrap(), b"hello");
        assert_eq!(guest.read(fd, 9), Err(Errno::Badf));
        assert_eq!(guest.ctx.fd_renumber(&mut [], 0, 99), Err(Errno::Badf));
        assert_eq!(guest.ctx.fd_renumber(&mut [], 99, 0), Err(Errno::Badf));
    }

    #[test]
    fn sizes_can_be_set_and_allocated() {
        let mut guest = Guest::with_file();
        let fd = guest.open("dir/file", 0).unwrap();
        assert_eq!(size(&mut guest, fd), 5);
        guest.ctx.fd_filestat_set_size(&mut [], fd, 100).unwrap();
        assert_eq!(size(&mut guest, fd), 100);
        match guest.ctx.fd_allocate(&mut [], fd, 90, 20) {
            Ok(()) => assert_eq!(size(&mut guest, fd), 110),
            // Not every file system can.
            Err(errno) => assert_eq!(errno, Errno::Notsup),
        }
        let reader = guest.open_to_read("dir/file").unwrap();
        let ctx = &mut guest.ctx;
        assert_eq!(ctx.fd_filestat_set_size(&mut [], reader, 0), Err(Errno::Inval));
        assert_eq!(ctx.fd_allocate(&mut [], reader, 0, 1), Err(Errno::Badf));
        assert_eq!(ctx.fd_allocate(&mut [], fd, 0, 0), Err(Errno::Inval));
        for fd in [1, ROOT, 99] {
            assert_eq!(ctx.fd_filestat_set_size(&mut [], fd, 0), Err(Errno::Badf));
            assert_eq!(ctx.fd_allocate(&mut [], fd, 0, 1), Err(Errno::Badf));
            assert_eq!(ctx.fd_advise(&mut [], fd, 0, 1, 0), Err(Errno::Badf));
        }
    }

    #[test]
    fn times_can_be_set() {
        let mut guest = Guest::with_file();
        let fd = guest.open("dir/file", 0).unwrap();
        let ctx = &mut guest.ctx;
        let both = u32::from(fstflags::ATIM | fstflags::MTIM);
        ctx.fd_filestat_set_times(&mut [], fd, 1_000_000_002, 3, both).unwrap();
        ctx.fd_filestat_set_times(&mut [], fd, 0, 7, u32::from(fstflags::MTIM)).unwrap();
        ctx.fd_filestat_get(&mut guest.memory, fd, OUT, Version::Preview1).unwrap();
        assert_eq!((guest.u64(OUT + 40), guest.u64(OUT + 48)), (1_000_000_002, 7));
        let ctx = &mut guest.ctx;
        ctx.fd_filestat_set_times(&mut [], fd, 0, 0, u32::from(fstflags::MTIM_NOW)).unwrap();
        ctx.fd_filestat_get(&mut guest.memory, fd, OUT, Version::Preview1).unwrap();
        assert!(guest.u64(OUT + 48) > 1_600_000_000 * host::NANOSECONDS);
        let ctx = &mut guest.ctx;
        for contradiction in [3, 12, 16] {
            assert_eq!(ctx.fd_filestat_set_times(&mut [], fd, 0, 0, contradiction), Err(Errno::Inval));
        }
        assert_eq!(ctx.fd_filestat_set_times(&mut [], ROOT, 0, 0, both), Ok(()));
        assert_eq!(ctx.fd_filestat_set_times(&mut [], 1, 0, 0, both), Err(Errno::Badf));
        assert_eq!(ctx.fd_filestat_set_times(&mut [], 99, 0, 0, both), Err(Errno::Badf));
    }

    #[test]
    fn attributes_of_streams_are_empty() {
        let mut guest = Guest::new();
        guest.memory[..64].fill(0xff);
        guest.ctx.fd_filestat_get(&mut guest.memory, 0, OUT, Version::Preview1).unwrap();
        assert_eq!(guest.memory[..64], [0; 64]);
        let Guest { ctx, memory, .. } = &mut guest;
        assert_eq!(ctx.fd_filestat_get(memory, 99, OUT, Version::Preview1), Err(Errno::Badf));
        assert_eq!(ctx.fd_filestat_get(memory, ROOT, u32::MAX, Version::Unstable), Err(Errno::Fault));
    }

    #[test]
    fn syncing_and_advising() {
        let mut guest = Guest::with_file();
        let fd = guest.open("dir/file", 0).unwrap();
        let ctx = &mut guest.ctx;
        for fd in [fd, ROOT] {
            assert_eq!(ctx.fd_sync(&mut [], fd), Ok(()));
            assert_eq!(ctx.fd_datasync(&mut [], fd), Ok(()));
        }
        for fd in [1, 99] {
            assert_eq!(ctx.fd_sync(&mut [], fd), Err(Errno::Badf));
            assert_eq!(ctx.fd_datasync(&mut [], fd), Err(Errno::Badf));
        }
        for advice in 0..6 {
            assert_eq!(ctx.fd_advise(&mut [], fd, 0, 5, advice), Ok(()));
        }
        assert_eq!(ctx.fd_advise(&mut [], fd, 0, 5, 6), Err(Errno::Inval));
    }
}
