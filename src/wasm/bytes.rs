//! The bytes of a guest module: in memory, or a file that is read piece by piece where and when it is needed. The
//! file is never mapped: it may be rewritten or truncated while the guest runs, and then reading it is an error,
//! not a fault. Knows nothing of what the bytes mean.

use super::error::Error;
use latier_runtime::module::GuestBytes;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The most that is read to memory of something that is not a regular file (a pipe has no positions to read at).
const STREAM_LIMIT: u64 = 1 << 30;

/// The bytes of a module.
#[derive(Debug)]
pub struct ModuleBytes {
    source: Source,
    len: u64,
}

#[derive(Debug)]
enum Source {
    Memory(Vec<u8>),
    File { file: File, path: PathBuf, modified: SystemTime },
}

impl ModuleBytes {
    /// Opens a file and remembers which it is: its length and the time of its last modification. What is not a
    /// regular file (a pipe, a terminal) is read to its end instead.
    ///
    /// # Errors
    /// When it cannot be opened or is a directory.
    pub fn open(path: &Path) -> io::Result<ModuleBytes> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
        }
        if !metadata.is_file() {
            return ModuleBytes::read_to_end(file);
        }
        let modified = metadata.modified()?;
        Ok(ModuleBytes { len: metadata.len(), source: Source::File { file, path: path.into(), modified } })
    }

    /// Reads a stream to memory: standard input, a pipe.
    ///
    /// # Errors
    /// When reading fails or the stream is longer than 1 GiB.
    pub fn read_to_end(stream: impl Read) -> io::Result<ModuleBytes> {
        let mut bytes = Vec::new();
        stream.take(STREAM_LIMIT + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > STREAM_LIMIT {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "longer than 1 GiB"));
        }
        Ok(ModuleBytes::from(bytes))
    }

    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether these bytes can no longer change: they are ours, in memory.
    pub fn is_immutable(&self) -> bool {
        matches!(self.source, Source::Memory(_))
    }

    /// Whether they begin as a binary module does; else they may be text.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn is_binary(&self) -> Result<bool, String> {
        let mut magic = [0; 4];
        if self.len < magic.len() as u64 {
            return Ok(false);
        }
        self.read(0, &mut magic)?;
        Ok(magic == *b"\0asm")
    }

    /// A copy of `len` bytes at `offset`.
    ///
    /// # Errors
    /// As [`GuestBytes::read`].
    pub fn copy(&self, offset: u64, len: usize) -> Result<Vec<u8>, String> {
        // The length is compared before the buffer is made: it may be as wrong as the file that it came from.
        self.check_range(offset, len)?;
        let mut out = vec![0; len];
        self.read(offset, &mut out)?;
        Ok(out)
    }

    fn check_range(&self, offset: u64, len: usize) -> Result<(), String> {
        match offset.checked_add(len as u64) {
            Some(end) if end <= self.len => Ok(()),
            _ => Err(format!("{len} bytes at offset {offset:#x} are past the end of the module")),
        }
    }
}

impl From<Vec<u8>> for ModuleBytes {
    fn from(bytes: Vec<u8>) -> ModuleBytes {
        ModuleBytes { len: bytes.len() as u64, source: Source::Memory(bytes) }
    }
}

impl GuestBytes for ModuleBytes {
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), String> {
        self.check_range(offset, out.len())?;
        let (file, path, opened) = match &self.source {
            Source::Memory(bytes) => {
                let start = offset as usize;
                out.copy_from_slice(&bytes[start..start + out.len()]);
                return Ok(());
            }
            Source::File { file, path, modified } => (file, path.display(), *modified),
        };
        let changed = || format!("{path} changed while it was running");
        match file.read_exact_at(out, offset) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Err(changed()),
            Err(e) => return Err(format!("{path}: {e}")),
        }
        // Compared after reading: a change that comes later cannot be in what was read.
        let now = file.metadata().map_err(|e| format!("{path}: {e}"))?;
        match now.modified() {
            Ok(modified) if modified == opened && now.len() == self.len => Ok(()),
            _ => Err(changed()),
        }
    }
}

/// How much of a file is read at once when it is walked from its start to its end.
const WINDOW: usize = 256 << 10;

/// A view of the module that moves forward: reads a file in large pieces, and memory not at all.
pub(super) struct Window<'a> {
    bytes: &'a ModuleBytes,
    /// What was read last, and where it lies in the file.
    buffer: Vec<u8>,
    start: u64,
}

impl<'a> Window<'a> {
    pub(super) fn new(bytes: &'a ModuleBytes) -> Window<'a> {
        Window { bytes, buffer: Vec::new(), start: 0 }
    }

    /// At least `want` bytes from `offset` on, or all there are.
    pub(super) fn at(&mut self, offset: u64, want: u64) -> Result<&[u8], Error> {
        let rest = self.bytes.len.saturating_sub(offset);
        if let Source::Memory(bytes) = &self.bytes.source {
            return Ok(&bytes[bytes.len() - rest as usize..]);
        }
        if rest == 0 {
            return Ok(&[]);
        }
        let want = want.min(rest);
        let within = |start: u64, len: usize| offset >= start && offset + want <= start + len as u64;
        if !within(self.start, self.buffer.len()) {
            let len = want.max(WINDOW as u64).min(rest) as usize;
            self.buffer.resize(len, 0);
            self.start = offset;
            if let Err(message) = self.bytes.read(offset, &mut self.buffer) {
                self.buffer.clear();
                return Err(Error::new(offset, message));
            }
        }
        Ok(&self.buffer[(offset - self.start) as usize..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn reads_past_the_end_are_errors() {
        let bytes = ModuleBytes::from(vec![1, 2, 3]);
        assert_eq!(bytes.copy(1, 2).unwrap(), [2, 3]);
        assert!(bytes.copy(1, 3).is_err());
        assert!(bytes.copy(u64::MAX, 1).is_err());
        assert!(bytes.copy(0, usize::MAX).is_err());
    }

    #[test]
    fn a_directory_is_no_module() {
        let e = ModuleBytes::open(Path::new("/")).unwrap_err();
        assert_eq!(e.to_string(), "is a directory");
    }

    #[test]
    fn a_file_that_shrinks_or_grows_has_changed() {
        let path = super::super::tests::scratch_file("bytes", &[7; 100]);
        let bytes = ModuleBytes::open(&path).unwrap();
        assert_eq!(bytes.copy(90, 10).unwrap(), [7; 10]);
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(50).unwrap();
        assert!(bytes.copy(90, 10).unwrap_err().ends_with("changed while it was running"));
        file.set_len(100).unwrap();
        (&file).write_all(&[8; 200]).unwrap();
        assert!(bytes.copy(0, 10).unwrap_err().ends_with("changed while it was running"));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_window_over_a_file_shows_what_the_file_holds() {
        let content: Vec<u8> = (0..1_000_000u32).flat_map(u32::to_le_bytes).collect();
        let path = super::super::tests::scratch_file("window", &content);
        let bytes = ModuleBytes::open(&path).unwrap();
        let mut window = Window::new(&bytes);
        for (offset, want) in
            [(0, 8), (262_140, 16), (5, 1_000_000), (3_999_990, 100), (4_000_000, 1), (9_000_000, 1)]
        {
            let seen = window.at(offset, want).unwrap();
            let rest = content.get(offset as usize..).unwrap_or(&[]);
            assert!(seen.len() as u64 >= want.min(rest.len() as u64), "{offset} {want}");
            assert_eq!(seen, &rest[..seen.len()]);
        }
        std::fs::remove_file(path).unwrap();
    }
}
