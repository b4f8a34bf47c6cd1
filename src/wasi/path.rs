//! `path_*` but for opening: what is done by name. Every name is looked up by cap-std below an open directory, so nothing outside of
//! that directory is reached, whatever links and `..` say; knows no bytes of files.

use std::path::{Component, Path};

use cap_fs_ext::{DirExt, SystemTimeSpec};
use cap_std::fs::Dir;
use cap_std::time::SystemTime;

use super::ctx::WasiCtx;
use super::errno::Errno;
use super::fd::NewTime;
use super::types::{FileType, Filestat, Version, follows, rights};
use super::{guest, host};

impl WasiCtx {
    /// Makes a directory.
    pub fn path_create_directory(
        &mut self,
        memory: &mut [u8],
        fd: u32,
        path: u32,
        len: u32,
    ) -> Result<(), Errno> {
        let dir = self.table.dir(fd, rights::PATH_CREATE_DIRECTORY)?;
        Ok(dir.create_dir(guest::path(memory, path, len)?)?)
    }

    /// Writes the attributes of what a path names.
    #[expect(clippy::too_many_arguments, reason = "the interface has them")]
    pub fn path_filestat_get(
        &mut self,
        memory: &mut [u8],
        fd: u32,
        lookup_flags: u32,
        path: u32,
        len: u32,
        filestat: u32,
        version: Version,
    ) -> Result<(), Errno> {
        let follow = follows(lookup_flags)?;
        let dir = self.table.dir(fd, rights::PATH_FILESTAT_GET)?;
        let attributes = attributes(dir, guest::path(memory, path, len)?, follow)?;
        attributes.write(memory, filestat, version)
    }

    /// Sets the times of what a path names.
    #[expect(clippy::too_many_arguments, reason = "the interface has them")]
    pub fn path_filestat_set_times(
        &mut self,
        memory: &mut [u8],
        fd: u32,
        lookup_flags: u32,
        path: u32,
        len: u32,
        atim: u64,
        mtim: u64,
        flags: u32,
    ) -> Result<(), Errno> {
        let times = NewTime::decode(atim, mtim, flags)?;
        let follow = follows(lookup_flags)?;
        let dir = self.table.dir(fd, rights::PATH_FILESTAT_SET_TIMES)?;
        let path = guest::path(memory, path, len)?;
        let [atim, mtim] = times.map(time_spec);
        if follow {
            dir.set_times(path, atim, mtim)?
        } else {
            dir.set_symlink_times(path, atim, mtim)?
        }
        Ok(())
    }

    /// Gives a file a second name. Links at the end of the old path are not followed.
    #[expect(clippy::too_many_arguments, reason = "the interface has them")]
    pub fn path_link(
        &mut self,
        memory: &mut [u8],
        old_fd: u32,
        old_flags: u32,
        old_path: u32,
        old_len: u32,
        new_fd: u32,
        new_path: u32,
        new_len: u32,
    ) -> Result<(), Errno> {
        if follows(old_flags)? {
            return Err(Errno::Inval);
        }
        let old_dir = self.table.dir(old_fd, rights::PATH_LINK_SOURCE)?;
        let new_dir = self.table.dir(new_fd, rights::PATH_LINK_TARGET)?;
        let old_path = guest::path(memory, old_path, old_len)?;
        Ok(old_dir.hard_link(old_path, new_dir, guest::path(memory, new_path, new_len)?)?)
    }

    /// Writes where a symbolic link leads, cut if the buffer is too short.
    #[expect(clippy::too_many_arguments, reason = "the interface has them")]
    pub fn path_readlink(
        &mut self,
        memory: &mut [u8],
        fd: u32,
        path: u32,
        len: u32,
        buffer: u32,
        buffer_len: u32,
        used: u32,
    ) -> Result<(), Errno> {
        let dir = self.table.dir(fd, rights::PATH_READLINK)?;
        let target = dir.read_link(guest::path(memory, path, len)?)?;
        let target = target.as_os_str().as_encoded_bytes();
        let copied = target.len().min(buffer_len as usize);
        guest::bytes_mut(memory, buffer, copied as u32)?.copy_from_slice(&target[..copied]);
        guest::store_u32(memory, used, copied as u32)
    }

    /// Removes an empty directory.
    pub fn path_remove_directory(
        &mut self,
        memory: &mut [u8],
        fd: u32,
        path: u32,
        len: u32,
    ) -> Result<(), Errno> {
        let dir = self.table.dir(fd, rights::PATH_REMOVE_DIRECTORY)?;
        let path = guest::path(memory, path, len)?;
        // Only a directory can be removed, so what a slash at the end demands is true without it; cap-std would
        // take it for a dot, which cannot be removed.
        let name = path.trim_end_matches('/');
        Ok(dir.remove_dir(if name.is_empty() { path } else { name })?)
    }

    /// Renames a file or a directory.
    #[expect(clippy::too_many_arguments, reason = "the interface has them")]
    pub fn path_rename(
        &mut self,
        memory: &mut [u8],
        old_fd: u32,
        old_path: u32,
        old_len: u32,
        new_fd: u32,
        new_path: u32,
        new_len: u32,
    ) -> Result<(), Errno> {
        let old_dir = self.table.dir(old_fd, rights::PATH_RENAME_SOURCE)?;
        let new_dir = self.table.dir(new_fd, rights::PATH_RENAME_TARGET)?;
        let old_path = guest::path(memory, old_path, old_len)?;
        Ok(old_dir.rename(old_path, new_dir, guest::path(memory, new_path, new_len)?)?)
    }

    /// Makes a symbolic link; one that starts at the root would lead outside and is refused.
    pub fn path_symlink(
        &mut self,
        memory: &mut [u8],
        target: u32,
        target_len: u32,
        fd: u32,
        path: u32,
        len: u32,
    ) -> Result<(), Errno> {
        let dir = self.table.dir(fd, rights::PATH_SYMLINK)?;
        let target = guest::path(memory, target, target_len)?;
        Ok(dir.symlink(target, guest::path(memory, path, len)?)?)
    }

    /// Removes a file or a symbolic link.
    pub fn path_unlink_file(&mut self, memory: &mut [u8], fd: u32, path: u32, len: u32) -> Result<(), Errno> {
        let dir = self.table.dir(fd, rights::PATH_UNLINK_FILE)?;
        Ok(dir.remove_file(guest::path(memory, path, len)?)?)
    }
}

/// What a path names.
fn attributes(dir: &Dir, path: &str, follow: bool) -> Result<Filestat, Errno> {
    // What stands before a slash is a directory, even behind a link.
    let must_be_directory = path.ends_with('/');
    let follow = follow || must_be_directory;
    if !must_be_directory && is_one_name(path) {
        // One system call if this is no link, which is the common case.
        let attributes = host::from_metadata(&dir.symlink_metadata(path)?);
        if !follow || attributes.filetype != FileType::SymbolicLink {
            return Ok(attributes);
        }
    }
    let metadata = if follow { dir.metadata(path)? } else { dir.symlink_metadata(path)? };
    let attributes = host::from_metadata(&metadata);
    if must_be_directory && attributes.filetype != FileType::Directory {
        return Err(Errno::Notdir);
    }
    Ok(attributes)
}

/// Whether a path is a name in the directory itself.
fn is_one_name(path: &str) -> bool {
    let mut components = Path::new(path).components();
    matches!((components.next(), components.next()), (Some(Component::Normal(_)), None))
}

fn time_spec(time: NewTime) -> Option<SystemTimeSpec> {
    match time {
        NewTime::Keep => None,
        NewTime::Now => Some(SystemTimeSpec::SymbolicNow),
        NewTime::At(time) => {
            let since_1970 = std::time::Duration::from_nanos(time);
            let time = SystemTime::from_std(std::time::SystemTime::UNIX_EPOCH + since_1970);
            Some(SystemTimeSpec::Absolute(time))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasi::testing::{DATA, Guest, OUT, ROOT};

    /// Calls a function that takes one path.
    macro_rules! on_path {
        ($guest:expr, $name:ident, $path:expr) => {{
            let (path, len) = $guest.path($path);
            $guest.ctx.$name(&mut $guest.memory, ROOT, path, len)
        }};
    }

    fn stat(guest: &mut Guest, path: &str, flags: u32) -> Result<(u8, u64), Errno> {
        let (path, len) = guest.path(path);
        let Guest { ctx, memory, .. } = guest;
        ctx.path_filestat_get(memory, ROOT, flags, path, len, OUT, Version::Preview1)?;
        Ok((guest.memory[OUT as usize + 16], guest.u64(OUT + 32)))
    }

    fn open_following(guest: &mut Guest, path: &str) -> Result<u32, Errno> {
        let (path, len) = guest.path(path);
        let Guest { ctx, memory, .. } = guest;
        ctx.path_open(memory, ROOT, 1, path, len, 0, rights::FD_READ, 0, 0, OUT)?;
        Ok(guest.u32(OUT))
    }

    fn symlink(guest: &mut Guest, target: &str, path: &str) -> Result<(), Errno> {
        let (target, target_len) = guest.path(target);
        let (path, len) = guest.path_2(path);
        guest.ctx.path_symlink(&mut guest.memory, target, target_len, ROOT, path, len)
    }

    fn rename(guest: &mut Guest, from: &str, to: &str) -> Result<(), Errno> {
        let (from, from_len) = guest.path(from);
        let (to, to_len) = guest.path_2(to);
        guest.ctx.path_rename(&mut guest.memory, ROOT, from, from_len, ROOT, to, to_len)
    }

    fn link(guest: &mut Guest, from: &str, to: &str, flags: u32) -> Result<(), Errno> {
        let (from, from_len) = guest.path(from);
        let (to, to_len) = guest.path_2(to);
        let Guest { ctx, memory, .. } = guest;
        ctx.path_link(memory, ROOT, flags, from, from_len, ROOT, to, to_len)
    }

    fn readlink(guest: &mut Guest, path: &str, room: u32) -> Result<Vec<u8>, Errno> {
        let (path, len) = guest.path(path);
        guest.ctx.path_readlink(&mut guest.memory, ROOT, path, len, DATA, room, OUT)?;
        Ok(guest::bytes(&guest.memory, DATA, guest.u32(OUT))?.to_vec())
    }

    #[test]
    fn nothing_outside_is_reached() {
        let mut guest = Guest::with_file();
        std::os::unix::fs::symlink("/etc", guest.host("absolute")).unwrap();
        std::os::unix::fs::symlink("../..", guest.host("dir/up")).unwrap();
        for path in ["/dir/file", "/", "..", "../x", "dir/../../x", "absolute/passwd", "dir/up/x"] {
            assert_eq!(guest.open_to_read(path), Err(Errno::Perm), "{path}");
            assert_eq!(stat(&mut guest, path, 1), Err(Errno::Perm), "{path}");
            assert_eq!(on_path!(guest, path_create_directory, path), Err(Errno::Perm), "{path}");
            assert_eq!(on_path!(guest, path_unlink_file, path), Err(Errno::Perm), "{path}");
            assert_eq!(rename(&mut guest, "dir/file", path), Err(Errno::Perm), "{path}");
            assert_eq!(rename(&mut guest, path, "new"), Err(Errno::Perm), "{path}");
            assert_eq!(link(&mut guest, "dir/file", path, 0), Err(Errno::Perm), "{path}");
        }
        assert_eq!(open_following(&mut guest, "absolute"), Err(Errno::Perm));
        assert_eq!(symlink(&mut guest, "/etc", "new"), Err(Errno::Perm));
        assert_eq!(readlink(&mut guest, "../x", 9), Err(Errno::Perm));
        assert!(open_following(&mut guest, "dir/.//../dir/../dir/file").is_ok());
        assert!(guest.open_to_read(".").is_ok());
    }

    #[test]
    fn links_are_followed_where_asked() {
        let mut guest = Guest::with_file();
        symlink(&mut guest, "dir/file", "link").unwrap();
        symlink(&mut guest, "dir", "dirlink").unwrap();
        symlink(&mut guest, "loop", "loop").unwrap();
        assert_eq!(guest.open_to_read("link"), Err(Errno::Loop));
        let fd = open_following(&mut guest, "link").unwrap();
        assert_eq!(guest.read(fd, 9).unwrap(), b"hello");
        assert!(guest.open_to_read("dirlink/file").is_ok());
        assert_eq!(open_following(&mut guest, "loop"), Err(Errno::Loop));
        assert_eq!(stat(&mut guest, "link", 0), Ok((FileType::SymbolicLink as u8, 8)));
        assert_eq!(stat(&mut guest, "link", 1), Ok((FileType::RegularFile as u8, 5)));
        assert_eq!(stat(&mut guest, "dirlink/", 0).unwrap().0, FileType::Directory as u8);
        assert_eq!(stat(&mut guest, "dirlink/file", 0), Ok((FileType::RegularFile as u8, 5)));
        assert_eq!(stat(&mut guest, "loop", 1), Err(Errno::Loop));
        assert_eq!(stat(&mut guest, "link", 2), Err(Errno::Inval));
        assert_eq!(symlink(&mut guest, "x", "link"), Err(Errno::Exist));
    }

    #[test]
    fn links_are_read_as_far_as_there_is_room() {
        let mut guest = Guest::with_file();
        symlink(&mut guest, "dir/file", "link").unwrap();
        assert_eq!(readlink(&mut guest, "link", 99).unwrap(), b"dir/file");
        assert_eq!(readlink(&mut guest, "link", 3).unwrap(), b"dir");
        assert_eq!(readlink(&mut guest, "link", 0).unwrap(), b"");
        assert_eq!(readlink(&mut guest, "dir/file", 9), Err(Errno::Inval));
        assert_eq!(readlink(&mut guest, "none", 9), Err(Errno::Noent));
    }

    #[test]
    fn attributes_of_what_is_named() {
        let mut guest = Guest::with_file();
        assert_eq!(stat(&mut guest, "dir/file", 1), Ok((FileType::RegularFile as u8, 5)));
        assert_eq!(stat(&mut guest, "dir", 1).unwrap().0, FileType::Directory as u8);
        assert_eq!(stat(&mut guest, ".", 0).unwrap().0, FileType::Directory as u8);
        assert_eq!(stat(&mut guest, "none", 1), Err(Errno::Noent));
        assert_eq!(stat(&mut guest, "dir/file/", 0), Err(Errno::Notdir));
        std::fs::write(guest.host("top"), "").unwrap();
        assert_eq!(stat(&mut guest, "top/", 0), Err(Errno::Notdir));
    }

    #[test]
    fn times_of_what_is_named() {
        let mut guest = Guest::with_file();
        symlink(&mut guest, "dir/file", "link").unwrap();
        for (follow, time) in [(1, 5), (0, 7)] {
            let (path, len) = guest.path("link");
            let Guest { ctx, memory, .. } = &mut guest;
            ctx.path_filestat_set_times(memory, ROOT, follow, path, len, 0, time, 4).unwrap();
            stat(&mut guest, "link", follow).unwrap();
            assert_eq!(guest.u64(OUT + 48), time);
        }
        stat(&mut guest, "link", 1).unwrap();
        assert_eq!(guest.u64(OUT + 48), 5);
        let (path, len) = guest.path("none");
        let Guest { ctx, memory, .. } = &mut guest;
        let mut set = |flags| ctx.path_filestat_set_times(memory, ROOT, 1, path, len, 0, 0, flags);
        assert_eq!((set(5), set(3)), (Err(Errno::Noent), Err(Errno::Inval)));
    }

    #[test]
    fn directories_are_made_and_removed() {
        let mut guest = Guest::with_file();
        assert_eq!(on_path!(guest, path_create_directory, "new"), Ok(()));
        assert_eq!(on_path!(guest, path_create_directory, "new"), Err(Errno::Exist));
        assert_eq!(on_path!(guest, path_create_directory, "a/b"), Err(Errno::Noent));
        assert_eq!(on_path!(guest, path_unlink_file, "new"), Err(Errno::Isdir));
        assert_eq!(on_path!(guest, path_remove_directory, "new/"), Ok(()));
        assert_eq!(on_path!(guest, path_remove_directory, "new"), Err(Errno::Noent));
        assert_eq!(on_path!(guest, path_remove_directory, "dir"), Err(Errno::Notempty));
        assert_eq!(on_path!(guest, path_remove_directory, "dir/file"), Err(Errno::Notdir));
        assert_eq!(on_path!(guest, path_unlink_file, "dir/file/"), Err(Errno::Notdir));
        assert_eq!(on_path!(guest, path_unlink_file, "dir/file"), Ok(()));
        assert_eq!(on_path!(guest, path_unlink_file, "dir/file"), Err(Errno::Noent));
        let (path, len) = guest.path("dir");
        let mut remove = |fd, path| guest.ctx.path_remove_directory(&mut guest.memory, fd, path, len);
        assert_eq!((remove(99, path), remove(ROOT, u32::MAX)), (Err(Errno::Badf), Err(Errno::Fault)));
        assert_eq!(on_path!(guest, path_remove_directory, "dir"), Ok(()));
    }

    #[test]
    fn names_are_changed() {
        let mut guest = Guest::with_file();
        assert_eq!(rename(&mut guest, "dir/file", "moved"), Ok(()));
        assert_eq!(std::fs::read(guest.host("moved")).unwrap(), b"hello");
        assert_eq!(rename(&mut guest, "none", "x"), Err(Errno::Noent));
        assert_eq!(rename(&mut guest, "moved", "dir"), Err(Errno::Isdir));
        assert_eq!(rename(&mut guest, "dir", "moved"), Err(Errno::Notdir));
        assert_eq!(rename(&mut guest, "dir", "dir/inside"), Err(Errno::Inval));
        std::fs::write(guest.host("other"), "other").unwrap();
        assert_eq!(rename(&mut guest, "moved", "other"), Ok(()));
        assert_eq!(std::fs::read(guest.host("other")).unwrap(), b"hello");
    }

    #[test]
    fn files_get_second_names() {
        let mut guest = Guest::with_file();
        assert_eq!(link(&mut guest, "dir/file", "second", 0), Ok(()));
        assert_eq!(std::fs::read(guest.host("second")).unwrap(), b"hello");
        assert_eq!(link(&mut guest, "dir/file", "second", 0), Err(Errno::Exist));
        assert_eq!(link(&mut guest, "dir/file", "third", 1), Err(Errno::Inval));
        assert_eq!(link(&mut guest, "none", "third", 0), Err(Errno::Noent));
        assert_eq!(link(&mut guest, "dir", "third", 0), Err(Errno::Perm));
    }
}
