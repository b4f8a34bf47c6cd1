//! `fd_readdir` and `fd_prestat_*`: what is in a directory and what a guest calls it; knows no path.

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, FileType as HostType};

use super::ctx::WasiCtx;
use super::errno::Errno;
use super::table::{Directory, Kind};
use super::types::{FileType, rights};
use super::{guest, host};

/// One pass through a directory, in the form in which a guest reads it. A cookie is the number of an entry; since the
/// listing stays while the pass goes on, cookies stay valid whatever happens to the directory meanwhile.
#[derive(Debug)]
pub(super) struct Listing {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl Listing {
    /// Reads a directory; of a root the parent is outside of the sandbox, so it is said to be its own.
    fn read(dir: &Dir, is_root: bool) -> Result<Listing, Errno> {
        let own_ino = rustix::fs::fstat(dir)?.st_ino;
        let mut listing = Listing { bytes: Vec::new(), starts: Vec::new() };
        listing.push(own_ino, FileType::Directory, b".")?;
        listing.push(own_ino, FileType::Directory, b"..")?;
        for entry in rustix::fs::Dir::read_from(dir)? {
            let entry = entry?;
            match entry.file_name().to_bytes() {
                b"." => {}
                b".." if is_root => {}
                b".." => listing.set_parent(entry.ino()),
                name => {
                    let filetype = match entry.file_type() {
                        // Some file systems do not say it here.
                        HostType::Unknown => Listing::ask_filetype(dir, entry.file_name()),
                        known => host::filetype_from(known),
                    };
                    listing.push(entry.ino(), filetype, name)?;
                }
            }
        }
        Ok(listing)
    }

    fn ask_filetype(dir: &Dir, name: &std::ffi::CStr) -> FileType {
        match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => host::filetype_from(HostType::from_raw_mode(stat.st_mode)),
            Err(_) => FileType::Unknown,
        }
    }

    fn push(&mut self, ino: u64, filetype: FileType, name: &[u8]) -> Result<(), Errno> {
        let name_len = u32::try_from(name.len()).map_err(|_| Errno::Overflow)?;
        self.starts.push(self.bytes.len());
        let next_cookie = self.starts.len() as u64;
        self.bytes.extend_from_slice(&next_cookie.to_le_bytes());
        self.bytes.extend_from_slice(&ino.to_le_bytes());
        self.bytes.extend_from_slice(&name_len.to_le_bytes());
        self.bytes.extend_from_slice(&[filetype as u8, 0, 0, 0]);
        self.bytes.extend_from_slice(name);
        Ok(())
    }

    /// Sets the inode of the second entry, `..`.
    fn set_parent(&mut self, ino: u64) {
        let at = self.starts[1] + 8;
        self.bytes[at..at + 8].copy_from_slice(&ino.to_le_bytes());
    }

    /// All entries from a cookie on.
    fn from(&self, cookie: u64) -> &[u8] {
        let start = usize::try_from(cookie).ok().and_then(|cookie| self.starts.get(cookie));
        start.map_or(&[], |&start| &self.bytes[start..])
    }
}

impl WasiCtx {
    /// Writes directory entries from a cookie on until the buffer is full; the last may be cut. Fewer bytes than the
    /// buffer has are the end of the directory.
    pub fn fd_readdir(
        &mut self,
        memory: &mut [u8],
        fd: u32,
        buffer: u32,
        len: u32,
        cookie: u64,
        used: u32,
    ) -> Result<(), Errno> {
        guest::check(memory, used, 4)?;
        let Kind::Directory(directory) = &mut self.table.get_mut(fd, rights::FD_READDIR)?.kind else {
            return Err(Errno::Notdir);
        };
        let listing = match &mut directory.listing {
            Some(listing) if cookie != 0 => listing,
            place => place.insert(Listing::read(&directory.dir, directory.preopen.is_some())?),
        };
        let entries = listing.from(cookie);
        let copied = entries.len().min(len as usize);
        guest::bytes_mut(memory, buffer, len)?[..copied].copy_from_slice(&entries[..copied]);
        guest::store_u32(memory, used, copied as u32)
    }

    /// Writes that a descriptor is a directory that was open from the start, and how long its name is.
    pub fn fd_prestat_get(&mut self, memory: &mut [u8], fd: u32, prestat: u32) -> Result<(), Errno> {
        let len = u32::try_from(self.preopen(fd)?.len()).map_err(|_| Errno::Overflow)?;
        guest::store_u64(memory, prestat, u64::from(len) << 32)
    }

    /// Writes the name of a directory that was open from the start.
    pub fn fd_prestat_dir_name(
        &mut self,
        memory: &mut [u8],
        fd: u32,
        path: u32,
        len: u32,
    ) -> Result<(), Errno> {
        let name = self.preopen(fd)?.as_bytes();
        if name.len() > len as usize {
            return Err(Errno::Nametoolong);
        }
        guest::bytes_mut(memory, path, name.len() as u32)?.copy_from_slice(name);
        Ok(())
    }

    /// Guests look for such directories from descriptor 3 on until the first `Badf`.
    fn preopen(&self, fd: u32) -> Result<&str, Errno> {
        match &self.table.get(fd, 0)?.kind {
            Kind::Directory(Directory { preopen: Some(name), .. }) => Ok(name),
            _ => Err(Errno::Badf),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasi::testing::{DATA, Guest, OUT, ROOT};

    /// One `fd_readdir` into a buffer of so many bytes.
    fn read(guest: &mut Guest, fd: u32, len: u32, cookie: u64) -> Result<Vec<u8>, Errno> {
        guest.ctx.fd_readdir(&mut guest.memory, fd, DATA, len, cookie, OUT)?;
        Ok(guest::bytes(&guest.memory, DATA, guest.u32(OUT))?.to_vec())
    }

    /// The whole entries in some bytes: next cookie, inode, kind and name.
    fn entries(mut bytes: &[u8]) -> Vec<(u64, u64, u8, String)> {
        let mut entries = Vec::new();
        while bytes.len() >= 24 {
            let number = |at| u64::from_le_bytes(guest::load(bytes, at).unwrap());
            let end = 24 + number(16) as u32 as usize;
            let Some(name) = bytes.get(24..end) else { break };
            entries.push((number(0), number(8), bytes[20], String::from_utf8(name.to_vec()).unwrap()));
            bytes = &bytes[end..];
        }
        entries
    }

    #[test]
    fn every_entry_is_listed_once_with_its_kind() {
        let mut guest = Guest::with_file();
        std::os::unix::fs::symlink("dir", guest.host("link")).unwrap();
        let mut found = entries(&read(&mut guest, ROOT, 1000, 0).unwrap());
        assert_eq!(found.iter().map(|entry| entry.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!((&*found[0].3, &*found[1].3), (".", ".."));
        // The parent of the root is not shown.
        assert_eq!(found[0].1, found[1].1);
        found.sort_by(|a, b| a.3.cmp(&b.3));
        let kinds: Vec<_> = found.iter().map(|entry| (&*entry.3, entry.2)).collect();
        assert_eq!(kinds, [(".", 3), ("..", 3), ("dir", 3), ("link", 7)]);
        let (_, ino, ..) = found[2];
        assert_eq!(ino, std::os::unix::fs::MetadataExt::ino(&guest.host("dir").metadata().unwrap()));

        let fd = guest.open_to_read("dir").unwrap();
        let inside = entries(&read(&mut guest, fd, 1000, 0).unwrap());
        assert_eq!((&*inside[2].3, inside[2].2), ("file", 4));
        assert_eq!(inside[1].1, found[0].1, "the parent of `dir` is the root");
    }

    #[test]
    fn a_full_buffer_may_end_inside_an_entry() {
        let mut guest = Guest::with_file();
        let whole = read(&mut guest, ROOT, 1000, 0).unwrap();
        for len in 0..whole.len() {
            assert_eq!(read(&mut guest, ROOT, len as u32, 0).unwrap(), whole[..len]);
        }
        assert_eq!(read(&mut guest, ROOT, 1000, 1).unwrap(), whole[25..]);
        assert!(read(&mut guest, ROOT, 1000, 3).unwrap().is_empty());
        assert!(read(&mut guest, ROOT, 1000, u64::MAX).unwrap().is_empty());
    }

    #[test]
    fn cookies_survive_removal_and_a_new_pass_sees_it() {
        let mut guest = Guest::new();
        for i in 0..40 {
            std::fs::write(guest.host(format!("file-{i}")), "").unwrap();
        }
        let (mut cookie, mut names) = (0, Vec::new());
        loop {
            let bytes = read(&mut guest, ROOT, 100, cookie).unwrap();
            for (next, _, _, name) in entries(&bytes) {
                cookie = next;
                if name.starts_with("file") {
                    std::fs::remove_file(guest.host(&name)).unwrap();
                    names.push(name);
                }
            }
            if bytes.len() < 100 {
                break;
            }
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 40);
        assert_eq!(entries(&read(&mut guest, ROOT, 1000, 0).unwrap()).len(), 2);
    }

    #[test]
    fn errors_of_listing() {
        let mut guest = Guest::with_file();
        let file = guest.open_to_read("dir/file").unwrap();
        assert_eq!(read(&mut guest, file, 100, 0), Err(Errno::Notdir));
        assert_eq!(read(&mut guest, 99, 100, 0), Err(Errno::Badf));
        let outside = guest.memory.len() as u32;
        let mut readdir = |buffer, used| guest.ctx.fd_readdir(&mut guest.memory, ROOT, buffer, 100, 0, used);
        assert_eq!(readdir(outside - 99, OUT), Err(Errno::Fault));
        assert_eq!(readdir(DATA, outside), Err(Errno::Fault));
    }

    #[test]
    fn preopened_directories_have_names() {
        let mut guest = Guest::with_file();
        guest.ctx.fd_prestat_get(&mut guest.memory, ROOT, OUT).unwrap();
        assert_eq!(guest.u64(OUT), 1 << 32);
        guest.ctx.fd_prestat_dir_name(&mut guest.memory, ROOT, DATA, 5).unwrap();
        assert_eq!(guest.memory[DATA as usize..][..2], *b"/\0");
        let opened = guest.open_to_read("dir").unwrap();
        let Guest { ctx, memory, .. } = &mut guest;
        assert_eq!(ctx.fd_prestat_dir_name(memory, ROOT, DATA, 0), Err(Errno::Nametoolong));
        assert_eq!(ctx.fd_prestat_get(memory, ROOT, u32::MAX), Err(Errno::Fault));
        for fd in [0, opened, 99] {
            assert_eq!(ctx.fd_prestat_get(memory, fd, OUT), Err(Errno::Badf));
            assert_eq!(ctx.fd_prestat_dir_name(memory, fd, DATA, 9), Err(Errno::Badf));
        }
    }
}
