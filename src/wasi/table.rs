//! The table of a guest's descriptors and the rights each has; knows no system call.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use cap_std::fs::Dir;

use super::dir::Listing;
use super::errno::Errno;
use super::stdio::{Input, Output};
use super::types::{FileType, rights};

/// What a descriptor is.
#[derive(Debug)]
pub(super) enum Kind {
    Input(Input),
    Output(Output),
    File(File),
    Directory(Directory),
    /// A socket that accepts connections.
    Listener(OwnedFd),
    /// A connected socket.
    Stream(OwnedFd),
}

/// An open directory: the root of a sandbox of its own.
#[derive(Debug)]
pub(super) struct Directory {
    pub dir: Dir,
    /// The guest's name for it, if it was open before the guest started.
    pub preopen: Option<String>,
    /// What `fd_readdir` goes through, made at the start of each pass.
    pub listing: Option<Listing>,
}

/// The rights of a descriptor, and of those opened through it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rights {
    pub base: u64,
    pub inheriting: u64,
}

/// One open descriptor.
#[derive(Debug)]
pub(super) struct Descriptor {
    pub kind: Kind,
    pub filetype: FileType,
    /// `fdflags` in force.
    pub flags: u16,
    /// What `fd_fdstat_get` reports.
    pub rights: Rights,
    /// What the guest or the embedder took away, and only that, is refused with `Notcapable`; what the kind or the
    /// mode of opening does not allow is left to the host, whose errors are more exact.
    pub dropped: Rights,
}

impl Descriptor {
    /// A descriptor from which nothing was taken away yet.
    pub(super) fn new(kind: Kind, filetype: FileType, rights: Rights) -> Descriptor {
        Descriptor { kind, filetype, flags: 0, rights, dropped: Rights::default() }
    }

    /// Takes rights away for good.
    pub(super) fn drop_rights(&mut self, dropped: Rights) {
        self.dropped.base |= dropped.base;
        self.dropped.inheriting |= dropped.inheriting;
        self.rights.base &= !dropped.base;
        self.rights.inheriting &= !dropped.inheriting;
    }

    /// The host's descriptor behind this one, if there is one.
    pub(super) fn host_fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.kind {
            Kind::Input(input) => input.host_fd(),
            Kind::Output(output) => output.host_fd(),
            Kind::File(file) => Some(file.as_fd()),
            Kind::Directory(directory) => Some(directory.dir.as_fd()),
            Kind::Listener(fd) | Kind::Stream(fd) => Some(fd.as_fd()),
        }
    }
}

/// All descriptors of a guest; a new one gets the lowest free number.
#[derive(Debug, Default)]
pub(super) struct Table {
    entries: Vec<Option<Descriptor>>,
    free: BTreeSet<u32>,
}

impl Table {
    pub(super) fn insert(&mut self, descriptor: Descriptor) -> Result<u32, Errno> {
        if let Some(fd) = self.free.pop_first() {
            self.entries[fd as usize] = Some(descriptor);
            return Ok(fd);
        }
        let fd = u32::try_from(self.entries.len()).map_err(|_| Errno::Mfile)?;
        self.entries.push(Some(descriptor));
        Ok(fd)
    }

    /// `Badf` if not open, `Notcapable` if a needed right was taken away.
    pub(super) fn get(&self, fd: u32, needed: u64) -> Result<&Descriptor, Errno> {
        let descriptor = self.entries.get(fd as usize).and_then(Option::as_ref).ok_or(Errno::Badf)?;
        if descriptor.dropped.base & needed == 0 { Ok(descriptor) } else { Err(Errno::Notcapable) }
    }

    /// As `get`.
    pub(super) fn get_mut(&mut self, fd: u32, needed: u64) -> Result<&mut Descriptor, Errno> {
        let descriptor = self.entries.get_mut(fd as usize).and_then(Option::as_mut).ok_or(Errno::Badf)?;
        if descriptor.dropped.base & needed == 0 { Ok(descriptor) } else { Err(Errno::Notcapable) }
    }

    /// A file; `Badf` for anything else.
    pub(super) fn file(&self, fd: u32, needed: u64) -> Result<&File, Errno> {
        match &self.get(fd, needed)?.kind {
            Kind::File(file) => Ok(file),
            _ => Err(Errno::Badf),
        }
    }

    /// A directory; `Notdir` for anything else.
    pub(super) fn dir(&self, fd: u32, needed: u64) -> Result<&Dir, Errno> {
        match &self.get(fd, needed)?.kind {
            Kind::Directory(directory) => Ok(&directory.dir),
            _ => Err(Errno::Notdir),
        }
    }

    pub(super) fn remove(&mut self, fd: u32) -> Result<Descriptor, Errno> {
        let removed = self.entries.get_mut(fd as usize).and_then(Option::take).ok_or(Errno::Badf)?;
        self.free.insert(fd);
        Ok(removed)
    }

    /// Moves `from` to the number `to`, closing what was there; both must be open.
    pub(super) fn renumber(&mut self, from: u32, to: u32) -> Result<(), Errno> {
        self.get(from, 0)?;
        self.get(to, 0)?;
        if from != to {
            let moved = self.remove(from)?;
            self.entries[to as usize] = Some(moved);
        }
        Ok(())
    }
}

/// The rights of a directory that the embedder opened.
pub(super) const PREOPEN_RIGHTS: Rights =
    Rights { base: rights::DIRECTORY, inheriting: rights::DIRECTORY | rights::FILE };

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u64 = rights::DIRECTORY | rights::FILE;

    fn closed() -> Descriptor {
        let rights = Rights { base: ALL, inheriting: ALL };
        Descriptor::new(Kind::Input(Input::Closed), FileType::Unknown, rights)
    }

    #[test]
    fn the_lowest_free_number_is_next() {
        let mut table = Table::default();
        for fd in 0..4 {
            assert_eq!(table.insert(closed()), Ok(fd));
        }
        table.remove(2).unwrap();
        table.remove(1).unwrap();
        assert_eq!(table.remove(1).err(), Some(Errno::Badf));
        assert_eq!(table.insert(closed()), Ok(1));
        assert_eq!(table.insert(closed()), Ok(2));
        assert_eq!(table.insert(closed()), Ok(4));
    }

    #[test]
    fn renumbering_needs_two_open_descriptors() {
        let mut table = Table::default();
        for _ in 0..3 {
            table.insert(closed()).unwrap();
        }
        assert_eq!(table.renumber(0, 3), Err(Errno::Badf));
        assert_eq!(table.renumber(7, 0), Err(Errno::Badf));
        assert_eq!(table.renumber(1, 1), Ok(()));
        table.get_mut(2, 0).unwrap().flags = 4;
        assert_eq!(table.renumber(2, 0), Ok(()));
        assert_eq!(table.get(0, 0).unwrap().flags, 4);
        assert!(table.get(2, 0).is_err());
        assert_eq!(table.insert(closed()), Ok(2));
    }

    #[test]
    fn only_rights_taken_away_are_refused() {
        let mut table = Table::default();
        let fd = table.insert(closed()).unwrap();
        let dropped = Rights { base: rights::FD_READ, inheriting: 0 };
        table.get_mut(fd, 0).unwrap().drop_rights(dropped);
        assert_eq!(table.get(fd, rights::FD_READ).err(), Some(Errno::Notcapable));
        assert!(table.get(fd, rights::FD_WRITE).is_ok());
        assert_eq!(table.get(fd, 0).unwrap().rights.base, ALL & !rights::FD_READ);
    }
}
