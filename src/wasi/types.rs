//! The flags, enumerations and memory layouts of WASI preview 1; knows no descriptor and no system call.

use super::errno::Errno;
use super::guest;

/// Which of the two published layouts a caller was compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `wasi_unstable`, also called snapshot 0.
    Unstable,
    /// `wasi_snapshot_preview1`.
    Preview1,
}

/// What a descriptor may be used for; bit numbers are the specification's.
pub(super) mod rights {
    pub const FD_DATASYNC: u64 = 1 << 0;
    pub const FD_READ: u64 = 1 << 1;
    pub const FD_SEEK: u64 = 1 << 2;
    pub const FD_FDSTAT_SET_FLAGS: u64 = 1 << 3;
    pub const FD_SYNC: u64 = 1 << 4;
    pub const FD_TELL: u64 = 1 << 5;
    pub const FD_WRITE: u64 = 1 << 6;
    pub const FD_ADVISE: u64 = 1 << 7;
    pub const FD_ALLOCATE: u64 = 1 << 8;
    pub const PATH_CREATE_DIRECTORY: u64 = 1 << 9;
    pub const PATH_CREATE_FILE: u64 = 1 << 10;
    pub const PATH_LINK_SOURCE: u64 = 1 << 11;
    pub const PATH_LINK_TARGET: u64 = 1 << 12;
    pub const PATH_OPEN: u64 = 1 << 13;
    pub const FD_READDIR: u64 = 1 << 14;
    pub const PATH_READLINK: u64 = 1 << 15;
    pub const PATH_RENAME_SOURCE: u64 = 1 << 16;
    pub const PATH_RENAME_TARGET: u64 = 1 << 17;
    pub const PATH_FILESTAT_GET: u64 = 1 << 18;
    pub const PATH_FILESTAT_SET_SIZE: u64 = 1 << 19;
    pub const PATH_FILESTAT_SET_TIMES: u64 = 1 << 20;
    pub const FD_FILESTAT_GET: u64 = 1 << 21;
    pub const FD_FILESTAT_SET_SIZE: u64 = 1 << 22;
    pub const FD_FILESTAT_SET_TIMES: u64 = 1 << 23;
    pub const PATH_SYMLINK: u64 = 1 << 24;
    pub const PATH_REMOVE_DIRECTORY: u64 = 1 << 25;
    pub const PATH_UNLINK_FILE: u64 = 1 << 26;
    pub const POLL_FD_READWRITE: u64 = 1 << 27;
    pub const SOCK_SHUTDOWN: u64 = 1 << 28;
    pub const SOCK_ACCEPT: u64 = 1 << 29;

    /// What makes sense on an open file.
    pub const FILE: u64 = FD_DATASYNC
        | FD_READ
        | FD_SEEK
        | FD_FDSTAT_SET_FLAGS
        | FD_SYNC
        | FD_TELL
        | FD_WRITE
        | FD_ADVISE
        | FD_ALLOCATE
        | FD_FILESTAT_GET
        | FD_FILESTAT_SET_SIZE
        | FD_FILESTAT_SET_TIMES
        | POLL_FD_READWRITE;
    /// What makes sense on a directory.
    pub const DIRECTORY: u64 = PATH_CREATE_DIRECTORY
        | PATH_CREATE_FILE
        | PATH_LINK_SOURCE
        | PATH_LINK_TARGET
        | PATH_OPEN
        | FD_READDIR
        | PATH_READLINK
        | PATH_RENAME_SOURCE
        | PATH_RENAME_TARGET
        | PATH_FILESTAT_GET
        | PATH_FILESTAT_SET_SIZE
        | PATH_FILESTAT_SET_TIMES
        | FD_FILESTAT_GET
        | FD_FILESTAT_SET_TIMES
        | PATH_SYMLINK
        | PATH_REMOVE_DIRECTORY
        | PATH_UNLINK_FILE
        | FD_FDSTAT_SET_FLAGS
        | FD_SYNC
        | FD_DATASYNC;
    /// What changes a file system; a read-only directory lacks these and does not hand them down.
    pub const MUTATING: u64 = FD_WRITE
        | FD_ALLOCATE
        | PATH_CREATE_DIRECTORY
        | PATH_CREATE_FILE
        | PATH_LINK_SOURCE
        | PATH_LINK_TARGET
        | PATH_RENAME_SOURCE
        | PATH_RENAME_TARGET
        | PATH_FILESTAT_SET_SIZE
        | PATH_FILESTAT_SET_TIMES
        | FD_FILESTAT_SET_SIZE
        | FD_FILESTAT_SET_TIMES
        | PATH_SYMLINK
        | PATH_REMOVE_DIRECTORY
        | PATH_UNLINK_FILE;
    /// What makes sense on a connected socket.
    pub const STREAM: u64 =
        FD_READ | FD_WRITE | FD_FDSTAT_SET_FLAGS | FD_FILESTAT_GET | POLL_FD_READWRITE | SOCK_SHUTDOWN;
}

/// Properties of an open descriptor.
pub(super) mod fdflags {
    pub const APPEND: u16 = 1 << 0;
    pub const DSYNC: u16 = 1 << 1;
    pub const NONBLOCK: u16 = 1 << 2;
    pub const RSYNC: u16 = 1 << 3;
    pub const SYNC: u16 = 1 << 4;
    pub const ALL: u16 = (1 << 5) - 1;
}

/// How `path_open` opens.
pub(super) mod oflags {
    pub const CREAT: u16 = 1 << 0;
    pub const DIRECTORY: u16 = 1 << 1;
    pub const EXCL: u16 = 1 << 2;
    pub const TRUNC: u16 = 1 << 3;
    pub const ALL: u16 = (1 << 4) - 1;
}

/// Which times `*_filestat_set_times` sets, and to what.
pub(super) mod fstflags {
    pub const ATIM: u16 = 1 << 0;
    pub const ATIM_NOW: u16 = 1 << 1;
    pub const MTIM: u16 = 1 << 2;
    pub const MTIM_NOW: u16 = 1 << 3;
    pub const ALL: u16 = (1 << 4) - 1;
}

/// `lookupflags`: a symbolic link at the end of a path is followed.
pub(super) const SYMLINK_FOLLOW: u32 = 1;

/// `Inval` where a guest sets a bit that no flag has.
pub(super) fn known_flags(flags: u32, all: u16) -> Result<u16, Errno> {
    match u16::try_from(flags) {
        Ok(flags) if flags & !all == 0 => Ok(flags),
        _ => Err(Errno::Inval),
    }
}

/// Whether the end of a path is followed; `Inval` on unknown bits.
pub(super) fn follows(lookup_flags: u32) -> Result<bool, Errno> {
    Ok(known_flags(lookup_flags, SYMLINK_FOLLOW as u16)? != 0)
}

/// The kind of thing behind a descriptor or a directory entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum FileType {
    Unknown = 0,
    BlockDevice = 1,
    CharacterDevice = 2,
    Directory = 3,
    RegularFile = 4,
    SocketDgram = 5,
    SocketStream = 6,
    SymbolicLink = 7,
}

/// From where `fd_seek` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whence {
    Set,
    Current,
    End,
}

impl Whence {
    /// The two versions number these differently.
    pub(super) fn decode(whence: u32, version: Version) -> Result<Whence, Errno> {
        match (version, whence) {
            (Version::Preview1, 0) | (Version::Unstable, 2) => Ok(Whence::Set),
            (Version::Preview1, 1) | (Version::Unstable, 0) => Ok(Whence::Current),
            (Version::Preview1, 2) | (Version::Unstable, 1) => Ok(Whence::End),
            _ => Err(Errno::Inval),
        }
    }
}

/// Attributes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Filestat {
    pub dev: u64,
    pub ino: u64,
    pub filetype: FileType,
    pub nlink: u64,
    pub size: u64,
    pub atim: u64,
    pub mtim: u64,
    pub ctim: u64,
}

impl Filestat {
    /// What is said of something that is no file.
    pub(super) fn nothing(filetype: FileType) -> Filestat {
        Filestat { dev: 0, ino: 0, filetype, nlink: 0, size: 0, atim: 0, mtim: 0, ctim: 0 }
    }

    /// Writes 64 bytes (56 in the unstable version, whose link count has 32 bits and stands before the size).
    pub(super) fn write(&self, memory: &mut [u8], at: u32, version: Version) -> Result<(), Errno> {
        let mut bytes = [0; 64];
        let times_at = match version {
            Version::Preview1 => {
                bytes[24..32].copy_from_slice(&self.nlink.to_le_bytes());
                32
            }
            Version::Unstable => {
                let nlink = u32::try_from(self.nlink).unwrap_or(u32::MAX);
                bytes[20..24].copy_from_slice(&nlink.to_le_bytes());
                24
            }
        };
        bytes[0..8].copy_from_slice(&self.dev.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.ino.to_le_bytes());
        bytes[16] = self.filetype as u8;
        for (i, field) in [self.size, self.atim, self.mtim, self.ctim].into_iter().enumerate() {
            bytes[times_at + 8 * i..][..8].copy_from_slice(&field.to_le_bytes());
        }
        let len = times_at + 32;
        guest::bytes_mut(memory, at, len as u32)?.copy_from_slice(&bytes[..len]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: Filestat = Filestat {
        dev: 1,
        ino: 2,
        filetype: FileType::RegularFile,
        nlink: 3,
        size: 4,
        atim: 5,
        mtim: 6,
        ctim: 7,
    };

    #[test]
    fn filestat_has_the_layout_of_its_version() {
        let mut memory = vec![0xff; 64];
        STAT.write(&mut memory, 0, Version::Preview1).unwrap();
        assert_eq!(&memory[16..24], [4, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!((memory[0], memory[8], memory[24], memory[32]), (1, 2, 3, 4));
        assert_eq!((memory[40], memory[48], memory[56]), (5, 6, 7));

        let mut memory = vec![0xff; 57];
        STAT.write(&mut memory, 0, Version::Unstable).unwrap();
        assert_eq!((memory[16], memory[20], memory[24]), (4, 3, 4));
        assert_eq!((memory[32], memory[40], memory[48], memory[56]), (5, 6, 7, 0xff));
        assert_eq!(STAT.write(&mut memory, 2, Version::Unstable), Err(Errno::Fault));
    }

    #[test]
    fn whence_is_numbered_per_version() {
        let decoded = |version| [0, 1, 2].map(|n| Whence::decode(n, version).unwrap());
        assert_eq!(decoded(Version::Preview1), [Whence::Set, Whence::Current, Whence::End]);
        assert_eq!(decoded(Version::Unstable), [Whence::Current, Whence::End, Whence::Set]);
        assert_eq!(Whence::decode(3, Version::Preview1), Err(Errno::Inval));
    }

    #[test]
    fn unknown_flags_are_refused() {
        assert_eq!(known_flags(3, 3), Ok(3));
        assert_eq!(known_flags(4, 3), Err(Errno::Inval));
        assert_eq!(known_flags(1 << 16, u16::MAX), Err(Errno::Inval));
    }
}
