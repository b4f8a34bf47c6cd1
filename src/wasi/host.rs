//! What the host's operating system says, in WASI's words: attributes, kinds, flags, times; knows no descriptor
//! table and no guest. All that is specific to Unix in this folder is here and in the calls of rustix.

use std::os::fd::AsFd;

use cap_std::fs::{FileTypeExt, Metadata, MetadataExt};
use rustix::fs::{FileType as HostType, OFlags, Stat, Timespec};

use super::errno::Errno;
use super::types::{FileType, Filestat, fdflags};

/// Nanoseconds in a second.
pub(super) const NANOSECONDS: u64 = 1_000_000_000;

/// Runs a system call again when a signal interrupted it; guests know no signals.
pub(super) fn retry<R>(mut call: impl FnMut() -> rustix::io::Result<R>) -> Result<R, Errno> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            result => return Ok(result?),
        }
    }
}

/// The attributes of an open descriptor, by one system call.
pub(super) fn filestat(fd: impl AsFd) -> Result<Filestat, Errno> {
    let stat = rustix::fs::fstat(&fd)?;
    Ok(from_stat(&stat, filetype_of(&stat, &fd)))
}

/// The kind of an open descriptor.
pub(super) fn filetype(fd: impl AsFd) -> Result<FileType, Errno> {
    let stat = rustix::fs::fstat(&fd)?;
    Ok(filetype_of(&stat, &fd))
}

/// Only an open socket can say whether it is one of streams or of datagrams.
fn filetype_of(stat: &Stat, fd: impl AsFd) -> FileType {
    let filetype = filetype_from(HostType::from_raw_mode(stat.st_mode));
    if filetype == FileType::SocketStream
        && rustix::net::sockopt::socket_type(fd) == Ok(rustix::net::SocketType::DGRAM)
    {
        return FileType::SocketDgram;
    }
    filetype
}

/// A host's kind of file.
pub(super) fn filetype_from(host: HostType) -> FileType {
    match host {
        HostType::RegularFile => FileType::RegularFile,
        HostType::Directory => FileType::Directory,
        HostType::Symlink => FileType::SymbolicLink,
        HostType::CharacterDevice => FileType::CharacterDevice,
        HostType::BlockDevice => FileType::BlockDevice,
        HostType::Socket => FileType::SocketStream,
        // WASI has no word for a named pipe.
        HostType::Fifo | HostType::Unknown => FileType::Unknown,
    }
}

#[allow(clippy::unnecessary_cast, reason = "the types of these fields differ between hosts")]
fn from_stat(stat: &Stat, filetype: FileType) -> Filestat {
    Filestat {
        dev: stat.st_dev as u64,
        ino: stat.st_ino as u64,
        filetype,
        nlink: stat.st_nlink as u64,
        size: stat.st_size as u64,
        atim: timestamp(stat.st_atime as i64, stat.st_atime_nsec as i64),
        mtim: timestamp(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        ctim: timestamp(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
    }
}

/// The attributes that cap-std found behind a path.
pub(super) fn from_metadata(metadata: &Metadata) -> Filestat {
    let filetype = metadata.file_type();
    let filetype = if filetype.is_file() {
        FileType::RegularFile
    } else if filetype.is_dir() {
        FileType::Directory
    } else if filetype.is_symlink() {
        FileType::SymbolicLink
    } else if filetype.is_char_device() {
        FileType::CharacterDevice
    } else if filetype.is_block_device() {
        FileType::BlockDevice
    } else if filetype.is_socket() {
        FileType::SocketStream
    } else {
        FileType::Unknown
    };
    Filestat {
        dev: metadata.dev(),
        ino: metadata.ino(),
        filetype,
        nlink: metadata.nlink(),
        size: metadata.size(),
        atim: timestamp(metadata.atime(), metadata.atime_nsec()),
        mtim: timestamp(metadata.mtime(), metadata.mtime_nsec()),
        ctim: timestamp(metadata.ctime(), metadata.ctime_nsec()),
    }
}

/// Nanoseconds since 1970; what is before is 0, what is beyond 2554 is the end of time.
fn timestamp(seconds: i64, nanoseconds: i64) -> u64 {
    let (Ok(seconds), Ok(nanoseconds)) = (u64::try_from(seconds), u64::try_from(nanoseconds)) else {
        return 0;
    };
    seconds.saturating_mul(NANOSECONDS).saturating_add(nanoseconds)
}

/// A host's time in nanoseconds.
pub(super) fn from_timespec(time: Timespec) -> u64 {
    timestamp(time.tv_sec, time.tv_nsec)
}

/// Nanoseconds as the host wants them.
pub(super) fn to_timespec(nanoseconds: u64) -> Timespec {
    Timespec {
        // At most 2^64 / 10^9, so both parts fit.
        tv_sec: (nanoseconds / NANOSECONDS) as i64,
        tv_nsec: (nanoseconds % NANOSECONDS) as _,
    }
}

/// The host's flags for `fdflags`.
pub(super) fn open_flags(flags: u16) -> OFlags {
    let table = [
        (fdflags::APPEND, OFlags::APPEND),
        (fdflags::DSYNC, OFlags::DSYNC),
        (fdflags::NONBLOCK, OFlags::NONBLOCK),
        (fdflags::RSYNC, OFlags::RSYNC),
        (fdflags::SYNC, OFlags::SYNC),
    ];
    table.into_iter().filter(|(flag, _)| flags & flag != 0).map(|(_, host)| host).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_saturate() {
        assert_eq!(timestamp(-1, 5), 0);
        assert_eq!(timestamp(1, 5), NANOSECONDS + 5);
        assert_eq!(timestamp(i64::MAX, 0), u64::MAX);
        let time = to_timespec(u64::MAX);
        assert_eq!(from_timespec(time), u64::MAX);
    }

    #[test]
    fn a_device_is_told_from_a_file() {
        let null = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(filetype(&null), Ok(FileType::CharacterDevice));
        let file = tempfile::tempfile().unwrap();
        let stat = filestat(&file).unwrap();
        assert_eq!((stat.filetype, stat.size), (FileType::RegularFile, 0));
        assert!(stat.mtim > 1_600_000_000 * NANOSECONDS);
    }
}
