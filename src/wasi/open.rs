//! `path_open`: from a name to a descriptor, looked up by cap-std below an open directory; knows no descriptor's use.

use std::fs::File;
use std::io::IsTerminal;

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use super::ctx::WasiCtx;
use super::errno::Errno;
use super::table::{Descriptor, Directory, Kind, PREOPEN_RIGHTS, Rights};
use super::types::{FileType, fdflags, follows, known_flags, oflags, rights};
use super::{guest, host};

impl WasiCtx {
    /// Opens, and perhaps makes, a file or opens a directory.
    #[expect(clippy::too_many_arguments, reason = "the interface has them")]
    pub fn path_open(
        &mut self,
        memory: &mut [u8],
        fd: u32,
        lookup_flags: u32,
        path: u32,
        len: u32,
        oflags: u32,
        rights_base: u64,
        _rights_inheriting: u64,
        fdflags: u32,
        opened: u32,
    ) -> Result<(), Errno> {
        guest::check(memory, opened, 4)?;
        let opening = Opening::decode(lookup_flags, oflags, rights_base, fdflags)?;
        let parent = self.table.get(fd, opening.needed_rights())?;
        let Kind::Directory(directory) = &parent.kind else {
            return Err(Errno::Notdir);
        };
        let handed_down = parent.dropped.inheriting;
        if handed_down & opening.mode_rights() != 0 {
            return Err(Errno::Notcapable);
        }
        let mut descriptor = opening.open(&directory.dir, guest::path(memory, path, len)?)?;
        descriptor.drop_rights(Rights { base: handed_down, inheriting: handed_down });
        let fd = self.table.insert(descriptor)?;
        guest::store_u32(memory, opened, fd)
    }
}

/// The request of one `path_open`.
#[derive(Clone, Copy, Debug)]
struct Opening {
    follow: bool,
    oflags: u16,
    fdflags: u16,
    read: bool,
    /// To make or to truncate a file is to open it for writing.
    write: bool,
    asks_to_write: bool,
}

impl Opening {
    fn decode(lookup_flags: u32, oflags: u32, rights_base: u64, fdflags: u32) -> Result<Opening, Errno> {
        let follow = follows(lookup_flags)?;
        let oflags = known_flags(oflags, oflags::ALL)?;
        let fdflags = known_flags(fdflags, fdflags::ALL)?;
        if oflags & oflags::DIRECTORY != 0 && oflags != oflags::DIRECTORY {
            return Err(Errno::Inval);
        }
        let asks_to_write = rights_base & rights::FD_WRITE != 0;
        let write = asks_to_write || oflags & (oflags::CREAT | oflags::TRUNC) != 0;
        let read = rights_base & rights::FD_READ != 0 || !asks_to_write;
        Ok(Opening { follow, oflags, fdflags, read, write, asks_to_write })
    }

    /// What the directory must allow.
    fn needed_rights(self) -> u64 {
        let mut needed = rights::PATH_OPEN;
        if self.oflags & oflags::CREAT != 0 {
            needed |= rights::PATH_CREATE_FILE;
        }
        if self.oflags & oflags::TRUNC != 0 {
            needed |= rights::PATH_FILESTAT_SET_SIZE;
        }
        needed
    }

    /// What the directory must hand down for the file to be opened in this mode.
    fn mode_rights(self) -> u64 {
        if self.write { rights::FD_WRITE } else { 0 }
    }

    fn open(self, dir: &Dir, path: &str) -> Result<Descriptor, Errno> {
        let mut host_flags = host::open_flags(self.fdflags);
        if self.oflags & oflags::DIRECTORY != 0 {
            host_flags |= OFlags::DIRECTORY;
        }
        let mut options = OpenOptions::new();
        options
            .read(self.read)
            .write(self.write)
            .truncate(self.oflags & oflags::TRUNC != 0)
            .custom_flags(host_flags.bits() as i32)
            .follow(if self.follow { FollowSymlinks::Yes } else { FollowSymlinks::No });
        if self.oflags & oflags::CREAT != 0 {
            let exclusive = self.oflags & oflags::EXCL != 0;
            options.create(!exclusive).create_new(exclusive);
        }
        let file = dir.open_with(path, &options)?.into_std();
        self.describe(file)
    }

    fn describe(self, file: File) -> Result<Descriptor, Errno> {
        let filetype = host::filetype(&file)?;
        if filetype == FileType::Directory {
            let directory = Directory { dir: Dir::from_std_file(file), preopen: None, listing: None };
            return Ok(Descriptor::new(Kind::Directory(directory), filetype, PREOPEN_RIGHTS));
        }
        let mut base = rights::FILE;
        if !self.read {
            base &= !rights::FD_READ;
        }
        if !self.asks_to_write {
            base &= !(rights::FD_WRITE | rights::FD_ALLOCATE | rights::FD_FILESTAT_SET_SIZE);
        }
        if filetype == FileType::CharacterDevice && file.is_terminal() {
            // By these a guest's C library tells a terminal from other devices.
            base &= !(rights::FD_SEEK | rights::FD_TELL);
        }
        let mut descriptor = Descriptor::new(Kind::File(file), filetype, Rights { base, inheriting: base });
        descriptor.flags = self.fdflags;
        Ok(descriptor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasi::testing::{Guest, ROOT};

    /// The size of a file.
    fn size(guest: &Guest, path: &str) -> u64 {
        guest.host(path).metadata().unwrap().len()
    }

    #[test]
    fn odd_paths_have_their_own_errors() {
        let mut guest = Guest::with_file();
        assert_eq!(guest.open_to_read(""), Err(Errno::Noent));
        assert_eq!(guest.open_to_read("dir/file\0"), Err(Errno::Inval));
        assert_eq!(guest.open_to_read("dir/file/"), Err(Errno::Notdir));
        assert_eq!(guest.open_to_read("dir/file/x"), Err(Errno::Notdir));
        assert_eq!(guest.open_to_read(&"x".repeat(300)), Err(Errno::Nametoolong));
        assert!(guest.open_to_read("dir//").is_ok());
        let (path, len) = guest.path("dir");
        guest.memory[path as usize] = 0xff;
        let Guest { ctx, memory, .. } = &mut guest;
        assert_eq!(ctx.path_unlink_file(memory, ROOT, path, len), Err(Errno::Ilseq));
        assert_eq!(ctx.path_unlink_file(memory, ROOT, u32::MAX, 1), Err(Errno::Fault));
        assert_eq!(ctx.path_unlink_file(memory, 99, path, len), Err(Errno::Badf));
        assert_eq!(ctx.path_unlink_file(memory, 0, path, len), Err(Errno::Notdir));
    }

    #[test]
    fn opening_makes_truncates_and_excludes() {
        let mut guest = Guest::with_file();
        assert_eq!(guest.open("new", 0), Err(Errno::Noent));
        let fd = guest.open("new", oflags::CREAT | oflags::EXCL).unwrap();
        guest.write(fd, b"text").unwrap();
        assert_eq!(guest.open("new", oflags::CREAT | oflags::EXCL), Err(Errno::Exist));
        guest.open("new", oflags::CREAT).unwrap();
        assert_eq!(size(&guest, "new"), 4);
        let append = fdflags::APPEND;
        let truncate = oflags::CREAT | oflags::TRUNC;
        guest.open_with(ROOT, "new", truncate, rights::FD_WRITE, append).unwrap();
        assert_eq!(size(&guest, "new"), 0);
        assert_eq!(guest.open("dir", oflags::DIRECTORY | oflags::CREAT), Err(Errno::Inval));
        assert_eq!(guest.open("dir", 1 << 4), Err(Errno::Inval));
        assert_eq!(guest.open_with(ROOT, "dir", 0, 0, 1 << 5), Err(Errno::Inval));
    }

    #[test]
    fn directories_are_opened_to_look_into_them() {
        let mut guest = Guest::with_file();
        assert_eq!(guest.open("dir", 0), Err(Errno::Isdir));
        assert_eq!(guest.open_with(ROOT, "dir/file", oflags::DIRECTORY, 0, 0), Err(Errno::Notdir));
        assert_eq!(guest.open("dir", oflags::DIRECTORY), Err(Errno::Isdir));
        let dir = guest.open_with(ROOT, "dir", oflags::DIRECTORY, 0, 0).unwrap();
        let file = guest.open_with(dir, "file", 0, 0, 0).unwrap();
        assert_eq!(guest.read(file, 9).unwrap(), b"hello");
        assert_eq!(guest.open_with(dir, "../dir/file", 0, 0, 0), Err(Errno::Perm));
        assert_eq!(guest.open_with(file, "x", 0, 0, 0), Err(Errno::Notdir));
        assert_eq!(guest.open_with(0, "x", 0, 0, 0), Err(Errno::Notdir));
        assert_eq!(guest.open_with(99, "x", 0, 0, 0), Err(Errno::Badf));
        let (path, len) = guest.path("dir");
        let Guest { ctx, memory, .. } = &mut guest;
        let fault = ctx.path_open(memory, ROOT, 0, path, len, 0, 0, 0, 0, u32::MAX);
        assert_eq!(fault, Err(Errno::Fault));
    }
}
