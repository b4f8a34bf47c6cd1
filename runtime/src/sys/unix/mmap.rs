//! How code memory is mapped: one stretch of address space, seen once for writing and once for running. Knows
//! nothing of what lies in it.

use memmap2::{Advice, Mmap, MmapMut, MmapOptions, MmapRaw, UncheckedAdvice};
use region::Protection;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::atomic::{AtomicU8, Ordering};

/// Most bytes that one call of [`Views::populate`] makes resident.
const POPULATE_BYTES: usize = 1 << 20;

/// Two views of the same memory. All ranges are bytes from the start and lie inside; their ends are whole pages.
#[derive(Debug)]
pub(crate) struct Views {
    working: MmapRaw,
    running: Running,
    fork_mark: ForkMark,
}

/// Where the memory runs.
#[derive(Debug)]
enum Running {
    /// At another address: both views map this file.
    Apart { file: File, view: MmapRaw },
    /// Where it is written, by pages whose protection is flipped.
    InPlace,
}

impl Views {
    /// A file that lives in memory only, mapped read+write and read+execute.
    ///
    /// # Errors
    /// Where the system refuses such files, or to execute them.
    pub(crate) fn apart(len: usize) -> io::Result<Views> {
        let file = memory_file()?;
        check_file_limit(len)?;
        file.set_len(len as u64)?;
        // SAFETY: the file has no name, no one else has its descriptor and it is never cut, so the views stay
        // backed; both are used through raw pointers only, so no reference says that its bytes stay the same.
        let (working, running): (MmapMut, Mmap) = unsafe {
            (MmapOptions::new().len(len).map_mut(&file)?, MmapOptions::new().len(len).map_exec(&file)?)
        };
        // A forked child would write to its parent's code.
        working.advise(Advice::DontFork)?;
        // A core file would hold the whole reservation, twice.
        working.advise(Advice::DontDump)?;
        running.advise(Advice::DontDump)?;
        let running = Running::Apart { file, view: running.into() };
        Ok(Views { working: working.into(), running, fork_mark: ForkMark::new()? })
    }

    /// Private memory that runs where it was written, once [`Views::publish`] has flipped it.
    ///
    /// # Errors
    /// When there is not enough address space.
    pub(crate) fn in_place(len: usize) -> io::Result<Views> {
        let working = MmapOptions::new().len(len).no_reserve_swap().map_anon()?;
        Ok(Views { working: working.into(), running: Running::InPlace, fork_mark: ForkMark::new()? })
    }

    /// Bytes of each view.
    pub(crate) fn len(&self) -> usize {
        self.working.len()
    }

    /// Where the memory is written.
    pub(crate) fn working(&self) -> *mut u8 {
        self.working.as_mut_ptr()
    }

    /// Where the memory runs, and where everyone may read it.
    pub(crate) fn running(&self) -> *const u8 {
        match &self.running {
            Running::Apart { view, .. } => view.as_ptr(),
            Running::InPlace => self.working.as_ptr(),
        }
    }

    /// Whether memory that runs can no longer be written, so that nothing may share a page with it.
    pub(crate) fn flips_pages(&self) -> bool {
        matches!(self.running, Running::InPlace)
    }

    /// Whether this process may write: a forked child has no working view of memory that its parent uses on.
    pub(crate) fn writable(&self) -> bool {
        self.flips_pages() || !self.fork_mark.forked()
    }

    /// Makes the start of `range`, at most 1 MiB of it, resident for writing: one call instead of a fault a page.
    /// Systems that cannot do it take the faults.
    pub(crate) fn populate(&self, range: Range<usize>) {
        let len = (range.end - range.start).min(POPULATE_BYTES);
        let _ = self.working.advise_range(Advice::PopulateWrite, range.start, len);
    }

    /// Lets `range` run. It is not written again.
    ///
    /// # Errors
    /// When the system refuses, for instance because the process has too many mappings.
    pub(crate) fn publish(&self, range: Range<usize>) -> io::Result<()> {
        if self.flips_pages() {
            self.protect(range, Protection::READ_EXECUTE)?;
        }
        Ok(())
    }

    /// Gives the memory of `range` back to the system. What lay there is gone, zeros take its place; it may be
    /// written again.
    ///
    /// # Errors
    /// When `range` cannot be made writable again: it must not be used any more.
    pub(crate) fn give_back(&self, range: Range<usize>) -> io::Result<()> {
        match &self.running {
            Running::Apart { file, .. } => {
                if punch_hole(file, &range).is_err() {
                    // SAFETY: the range lies inside the view, and no code in it is in use any more.
                    unsafe { self.working().add(range.start).write_bytes(0, range.end - range.start) };
                }
                Ok(())
            }
            Running::InPlace => {
                let len = range.end - range.start;
                // SAFETY: nothing refers to the bytes any more; private pages come back as zeros.
                unsafe { self.working.unchecked_advise_range(UncheckedAdvice::DontNeed, range.start, len)? };
                self.protect(range, Protection::READ_WRITE)
            }
        }
    }

    fn protect(&self, range: Range<usize>, protection: Protection) -> io::Result<()> {
        // SAFETY: whole pages of a mapping of our own. Their user says that no one writes them any more, or that
        // no one runs them any more.
        let done = unsafe {
            region::protect(self.working.as_ptr().add(range.start), range.end - range.start, protection)
        };
        done.map_err(io::Error::other)
    }
}

/// A file without a name, that may be executed.
fn memory_file() -> io::Result<File> {
    let create = |flags| {
        // SAFETY: the name is a C string; the result is checked.
        unsafe { libc::memfd_create(c"latier-code".as_ptr(), libc::MFD_CLOEXEC | flags) }
    };
    // Systems that know MFD_EXEC may refuse files without it; systems that do not know it refuse the flag.
    let fd = match create(libc::MFD_EXEC) {
        -1 => create(0),
        fd => fd,
    };
    if fd == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and no one else owns it.
    Ok(unsafe { File::from_raw_fd(fd) })
}

/// Refuses a file larger than the process may make: the system would end the process instead.
fn check_file_limit(len: usize) -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is where the result goes.
    if unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &mut limit) } == 0 && limit.rlim_cur < len as libc::rlim_t
    {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(())
}

/// Unmapping frees nothing of such a file; this does.
fn punch_hole(file: &File, range: &Range<usize>) -> io::Result<()> {
    let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    let (at, len) = (range.start as libc::off_t, (range.end - range.start) as libc::off_t);
    // SAFETY: the descriptor is open as long as `file` lives; no code in the range is in use any more.
    match unsafe { libc::fallocate(file.as_raw_fd(), mode, at, len) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Tells a forked child from the process that made it, by one load: a page that children find wiped.
#[derive(Debug)]
struct ForkMark {
    page: Option<MmapRaw>,
    creator: u32,
}

impl ForkMark {
    const PARENT: u8 = 1;

    fn new() -> io::Result<ForkMark> {
        let page = MmapRaw::from(MmapOptions::new().len(1).map_anon()?);
        // SAFETY: a whole page of our own, which holds nothing yet.
        let wiped =
            unsafe { libc::madvise(page.as_mut_ptr().cast(), region::page::size(), libc::MADV_WIPEONFORK) }
                == 0;
        let mark = ForkMark { page: wiped.then_some(page), creator: std::process::id() };
        if let Some(mark) = mark.mark() {
            mark.store(ForkMark::PARENT, Ordering::Relaxed);
        }
        Ok(mark)
    }

    fn mark(&self) -> Option<&AtomicU8> {
        // SAFETY: the page is mapped read+write as long as `self` lives, and used by atomics only.
        self.page.as_ref().map(|page| unsafe { AtomicU8::from_ptr(page.as_mut_ptr()) })
    }

    fn forked(&self) -> bool {
        match self.mark() {
            Some(mark) => mark.load(Ordering::Relaxed) != ForkMark::PARENT,
            None => std::process::id() != self.creator,
        }
    }
}
