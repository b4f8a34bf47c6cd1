//! What the tests of this folder share: a context over a temporary directory and a guest's memory to call it with.

use std::path::Path;

use super::ctx::{DirPerms, WasiCtx};
use super::errno::Errno;
use super::guest;
use super::types::rights;

/// The descriptor of the preopened directory.
pub(super) const ROOT: u32 = 3;
/// Where results are written.
pub(super) const OUT: u32 = 0;
/// Where a first path is put.
const PATH: u32 = 1024;
/// Where a second path is put.
const PATH_2: u32 = 2048;
/// Where lists of buffers are put.
const IOVS: u32 = 3072;
/// Where bytes are put and read.
pub(super) const DATA: u32 = 4096;

/// One guest, its memory and the directory it sees as `/`.
pub(super) struct Guest {
    pub ctx: WasiCtx,
    pub memory: Vec<u8>,
    pub root: tempfile::TempDir,
}

impl Guest {
    pub(super) fn new() -> Guest {
        Guest::with(DirPerms::ReadWrite)
    }

    pub(super) fn with(perms: DirPerms) -> Guest {
        let root = tempfile::tempdir().unwrap();
        let mut builder = WasiCtx::builder();
        builder.preopened_dir(root.path(), "/", perms).unwrap();
        Guest { ctx: builder.build(), memory: vec![0; 1 << 17], root }
    }

    /// A guest that sees a directory `dir` with a file `dir/file` that says `hello`.
    pub(super) fn with_file() -> Guest {
        let guest = Guest::new();
        std::fs::create_dir(guest.host("dir")).unwrap();
        std::fs::write(guest.host("dir/file"), "hello").unwrap();
        guest
    }

    /// Where the host finds what the guest calls `path`.
    pub(super) fn host(&self, path: impl AsRef<Path>) -> std::path::PathBuf {
        self.root.path().join(path)
    }

    /// Puts a path into the memory.
    pub(super) fn path(&mut self, path: &str) -> (u32, u32) {
        self.put(PATH, path.as_bytes())
    }

    /// Puts a second path into the memory.
    pub(super) fn path_2(&mut self, path: &str) -> (u32, u32) {
        self.put(PATH_2, path.as_bytes())
    }

    fn put(&mut self, at: u32, bytes: &[u8]) -> (u32, u32) {
        let len = bytes.len() as u32;
        guest::bytes_mut(&mut self.memory, at, len).unwrap().copy_from_slice(bytes);
        (at, len)
    }

    pub(super) fn u32(&self, at: u32) -> u32 {
        u32::from_le_bytes(guest::load(&self.memory, at).unwrap())
    }

    pub(super) fn u64(&self, at: u32) -> u64 {
        u64::from_le_bytes(guest::load(&self.memory, at).unwrap())
    }

    pub(super) fn open_with(
        &mut self,
        fd: u32,
        path: &str,
        oflags: u16,
        rights: u64,
        fdflags: u16,
    ) -> Result<u32, Errno> {
        let (at, len) = self.path(path);
        let (oflags, fdflags) = (u32::from(oflags), u32::from(fdflags));
        self.ctx.path_open(&mut self.memory, fd, 0, at, len, oflags, rights, 0, fdflags, OUT)?;
        Ok(self.u32(OUT))
    }

    /// Opens for reading and writing.
    pub(super) fn open(&mut self, path: &str, oflags: u16) -> Result<u32, Errno> {
        self.open_with(ROOT, path, oflags, rights::FD_READ | rights::FD_WRITE, 0)
    }

    /// Opens for reading.
    pub(super) fn open_to_read(&mut self, path: &str) -> Result<u32, Errno> {
        self.open_with(ROOT, path, 0, rights::FD_READ, 0)
    }

    /// One buffer of so many bytes at `DATA`.
    pub(super) fn iovec(&mut self, len: u32) -> (u32, u32) {
        guest::store_u32(&mut self.memory, IOVS, DATA).unwrap();
        guest::store_u32(&mut self.memory, IOVS + 4, len).unwrap();
        (IOVS, 1)
    }

    pub(super) fn read(&mut self, fd: u32, len: u32) -> Result<Vec<u8>, Errno> {
        let (iovs, count) = self.iovec(len);
        self.ctx.fd_read(&mut self.memory, fd, iovs, count, OUT)?;
        Ok(guest::bytes(&self.memory, DATA, self.u32(OUT))?.to_vec())
    }

    pub(super) fn write(&mut self, fd: u32, bytes: &[u8]) -> Result<u32, Errno> {
        self.put(DATA, bytes);
        let (iovs, count) = self.iovec(bytes.len() as u32);
        self.ctx.fd_write(&mut self.memory, fd, iovs, count, OUT)?;
        Ok(self.u32(OUT))
    }
}
