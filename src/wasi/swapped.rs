//! A stranger swaps a directory of the guest's for a link to one outside, again and again, while the guest uses it.
//! Whatever the guest does at whichever moment is done inside or fails.

use super::errno::Errno;
use super::testing::{Guest, ROOT};
use super::types::{oflags, rights};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// How often everything is tried: until each way has worked and failed, but so often at least and at most.
const ROUNDS: std::ops::Range<u32> = 400..100_000;

/// Exchanges what two names stand for until it is told to stop.
fn swap(one: &Path, other: &Path, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).expect("both are there");
    }
}

/// What a guest does with a directory; how often each way worked.
#[derive(Debug, Default)]
struct Worked {
    rounds: u32,
    opened: u32,
    made: u32,
    renamed: u32,
    linked: u32,
    removed: u32,
}

impl Worked {
    fn round(&mut self, guest: &mut Guest, name: &str) {
        if let Ok(fd) = guest.open_to_read("dir/file") {
            assert_eq!(guest.read(fd, 9).unwrap(), b"hello");
            guest.ctx.fd_close(&mut guest.memory, fd).unwrap();
            self.opened += 1;
        }
        if let Ok(fd) = guest.open_with(ROOT, "dir", oflags::DIRECTORY, 0, 0) {
            let file = guest.open_with(fd, "file", 0, rights::FD_READ, 0).unwrap();
            assert_eq!(guest.read(file, 9).unwrap(), b"hello");
            for fd in [file, fd] {
                guest.ctx.fd_close(&mut guest.memory, fd).unwrap();
            }
        }
        let [made, renamed] = ["made", "renamed"].map(|how| format!("dir/{name}-{how}"));
        if let Ok(fd) = guest.open(&made, oflags::CREAT | oflags::EXCL) {
            guest.ctx.fd_close(&mut guest.memory, fd).unwrap();
            self.made += 1;
        }
        self.renamed += u32::from(two(guest, &made, &renamed, false).is_ok());
        self.linked += u32::from(two(guest, "dir/file", &made, true).is_ok());
        let (path, len) = guest.path(&renamed);
        self.removed += u32::from(guest.ctx.path_unlink_file(&mut guest.memory, ROOT, path, len).is_ok());
        self.rounds += 1;
    }

    fn is_enough(&self) -> bool {
        let Worked { rounds, opened, made, renamed, linked, removed } = *self;
        let both = |worked: u32| 0 < worked && worked < rounds;
        rounds >= ROUNDS.start && [opened, made, renamed, linked, removed].into_iter().all(both)
    }
}

/// Links `from` to `to`, or renames it.
fn two(guest: &mut Guest, from: &str, to: &str, link: bool) -> Result<(), Errno> {
    let ((from, from_len), (to, to_len)) = (guest.path(from), guest.path_2(to));
    let Guest { ctx, memory, .. } = guest;
    match link {
        true => ctx.path_link(memory, ROOT, 0, from, from_len, ROOT, to, to_len),
        false => ctx.path_rename(memory, ROOT, from, from_len, ROOT, to, to_len),
    }
}

#[test]
fn a_directory_that_becomes_a_link_leads_nowhere() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("file"), "outside").unwrap();
    let mut guest = Guest::with_file();
    let (dir, link) = (guest.host("dir"), guest.host("link"));
    std::os::unix::fs::symlink(outside.path(), &link).unwrap();
    let stop = AtomicBool::new(false);
    let worked = std::thread::scope(|scope| {
        scope.spawn(|| swap(&dir, &link, &stop));
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let mut worked = Worked::default();
            while !worked.is_enough() && worked.rounds < ROUNDS.end {
                let name = worked.rounds.to_string();
                worked.round(&mut guest, &name);
            }
            worked
        }));
        stop.store(true, Ordering::Relaxed);
        ran.unwrap_or_else(|panic| resume_unwind(panic))
    });
    assert!(worked.is_enough(), "{worked:?}");
    let left: Vec<_> =
        fs::read_dir(outside.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["file"]);
    assert_eq!(fs::read(outside.path().join("file")).unwrap(), b"outside");
}
