//! `poll_oneoff`: waits for times and for descriptors; transfers no bytes.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, poll};

use super::clock::{Clock, Clocks};
use super::ctx::WasiCtx;
use super::errno::Errno;
use super::stdio::Input;
use super::table::{Kind, Table};
use super::types::{FileType, Version, rights};
use super::{guest, host};

/// The size of an event.
const EVENT_SIZE: usize = 32;
/// `eventrwflags`: the other side is gone, or the end of a file is reached.
const HANGUP: u16 = 1;
/// `subclockflags`: a time is a moment, not a span.
const ABSTIME: u16 = 1;

/// What a guest waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    /// So many nanoseconds from now.
    Time(u64),
    Readable(u32),
    Writable(u32),
}

#[derive(Clone, Copy, Debug)]
struct Subscription {
    userdata: u64,
    awaited: Awaited,
}

impl Subscription {
    /// Reads a subscription at the start of some bytes.
    fn decode(bytes: &[u8], version: Version, clocks: &dyn Clocks) -> Result<Subscription, Errno> {
        let userdata = u64::from_le_bytes(guest::load(bytes, 0)?);
        let [tag] = guest::load(bytes, 8)?;
        let fd = guest::load(bytes, 16).map(u32::from_le_bytes);
        let awaited = match tag {
            0 => Awaited::Time(Subscription::time(bytes, version, clocks)?),
            1 => Awaited::Readable(fd?),
            2 => Awaited::Writable(fd?),
            _ => return Err(Errno::Inval),
        };
        Ok(Subscription { userdata, awaited })
    }

    /// How far off the time of a clock's subscription is.
    fn time(bytes: &[u8], version: Version, clocks: &dyn Clocks) -> Result<u64, Errno> {
        // The older version has an identifier first.
        let clock_at = match version {
            Version::Preview1 => 16,
            Version::Unstable => 24,
        };
        let clock = Clock::decode(u32::from_le_bytes(guest::load(bytes, clock_at)?))?;
        let timeout = u64::from_le_bytes(guest::load(bytes, clock_at + 8)?);
        let flags = u16::from_le_bytes(guest::load(bytes, clock_at + 24)?);
        if flags & !ABSTIME != 0 || !matches!(clock, Clock::Realtime | Clock::Monotonic) {
            return Err(Errno::Inval);
        }
        if flags & ABSTIME == 0 {
            return Ok(timeout);
        }
        Ok(timeout.saturating_sub(clocks.now(clock)?))
    }

    /// The size of a subscription.
    fn size(version: Version) -> usize {
        match version {
            Version::Preview1 => 48,
            Version::Unstable => 56,
        }
    }
}

/// What is known of a descriptor without waiting.
#[derive(Clone, Copy, Debug)]
enum Readiness<'a> {
    /// Nothing to wait for.
    Now { bytes: u64, flags: u16 },
    /// The host knows.
    Ask(BorrowedFd<'a>),
    /// It cannot be waited for.
    Failed(Errno),
}

impl Readiness<'_> {
    fn of(table: &Table, awaited: Awaited) -> Readiness<'_> {
        let (fd, write) = match awaited {
            Awaited::Readable(fd) => (fd, false),
            Awaited::Writable(fd) => (fd, true),
            Awaited::Time(_) => return Readiness::Failed(Errno::Inval),
        };
        let descriptor = match table.get(fd, rights::POLL_FD_READWRITE) {
            Ok(descriptor) => descriptor,
            Err(errno) => return Readiness::Failed(errno),
        };
        match (&descriptor.kind, write) {
            (Kind::File(file), _) if descriptor.filetype == FileType::RegularFile => match write {
                true => Readiness::Now { bytes: 1, flags: 0 },
                false => Readiness::of_file(file),
            },
            (Kind::Input(input), false) if input.available().is_some() => {
                let bytes = input.available().unwrap_or(0);
                Readiness::Now { bytes, flags: if bytes == 0 { HANGUP } else { 0 } }
            }
            (Kind::Input(Input::Inherit), false)
            | (Kind::File(_) | Kind::Stream(_), _)
            | (Kind::Output(_), true)
            | (Kind::Listener(_), false) => match descriptor.host_fd() {
                Some(fd) => Readiness::Ask(fd),
                None => Readiness::Now { bytes: 1, flags: 0 },
            },
            _ => Readiness::Failed(Errno::Badf),
        }
    }

    /// A regular file never waits; at its end there is nothing more to come.
    fn of_file(file: &std::fs::File) -> Readiness<'static> {
        match (host::filestat(file), rustix::fs::tell(file)) {
            (Ok(filestat), Ok(position)) => {
                let bytes = filestat.size.saturating_sub(position);
                Readiness::Now { bytes, flags: if bytes == 0 { HANGUP } else { 0 } }
            }
            (Err(errno), _) => Readiness::Failed(errno),
            (_, Err(error)) => Readiness::Failed(error.into()),
        }
    }
}

/// What is written of one subscription that came true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Event {
    errno: Errno,
    bytes: u64,
    flags: u16,
}

impl Event {
    fn ready(bytes: u64, flags: u16) -> Event {
        Event { errno: Errno::Success, bytes, flags }
    }

    fn failed(errno: Errno) -> Event {
        Event { errno, bytes: 0, flags: 0 }
    }

    /// What the host found out about a descriptor, if anything.
    fn of_host(polled: &PollFd<'_>, fd: BorrowedFd<'_>, awaited: Awaited) -> Option<Event> {
        let found = polled.revents();
        if found.is_empty() {
            return None;
        }
        if found.contains(PollFlags::NVAL) {
            return Some(Event::failed(Errno::Badf));
        }
        let flags = if found.intersects(PollFlags::HUP | PollFlags::ERR) { HANGUP } else { 0 };
        let bytes = match awaited {
            Awaited::Readable(_) => rustix::io::ioctl_fionread(fd).unwrap_or(1),
            _ => 1,
        };
        Some(Event::ready(bytes, flags))
    }

    fn encode(self, subscription: &Subscription) -> [u8; EVENT_SIZE] {
        let mut bytes = [0; EVENT_SIZE];
        bytes[0..8].copy_from_slice(&subscription.userdata.to_le_bytes());
        bytes[8..10].copy_from_slice(&(self.errno as u16).to_le_bytes());
        bytes[10] = match subscription.awaited {
            Awaited::Time(_) => 0,
            Awaited::Readable(_) => 1,
            Awaited::Writable(_) => 2,
        };
        bytes[16..24].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[24..26].copy_from_slice(&self.flags.to_le_bytes());
        bytes
    }
}

impl WasiCtx {
    /// Waits until at least one subscription came true and writes an event for each that did, in their order.
    pub fn poll_oneoff(
        &mut self,
        memory: &mut [u8],
        subscriptions: u32,
        events: u32,
        count: u32,
        nevents: u32,
        version: Version,
    ) -> Result<(), Errno> {
        if count == 0 {
            return Err(Errno::Inval);
        }
        guest::check(memory, nevents, 4)?;
        let size = |each| u32::try_from(count as usize * each).map_err(|_| Errno::Fault);
        guest::check(memory, events, size(EVENT_SIZE)?)?;
        let each = Subscription::size(version);
        let bytes = guest::bytes(memory, subscriptions, size(each)?)?;
        let decoded = bytes.chunks_exact(each).map(|it| Subscription::decode(it, version, &*self.clocks));
        let subscriptions = decoded.collect::<Result<Vec<_>, _>>()?;

        let mut written = 0;
        for (subscription, event) in subscriptions.iter().zip(wait(&self.table, &subscriptions)?) {
            if let Some(event) = event {
                guest::store(memory, events + written * EVENT_SIZE as u32, event.encode(subscription))?;
                written += 1;
            }
        }
        guest::store_u32(memory, nevents, written)
    }
}

/// Waits until something came true; one answer per subscription.
fn wait(table: &Table, subscriptions: &[Subscription]) -> Result<Vec<Option<Event>>, Errno> {
    let started = Instant::now();
    let mut events = vec![None; subscriptions.len()];
    let mut asked = Vec::new();
    let mut polled = Vec::new();
    let mut timeout = None;
    for (i, subscription) in subscriptions.iter().enumerate() {
        let awaited = subscription.awaited;
        if let Awaited::Time(time) = awaited {
            timeout = Some(timeout.unwrap_or(u64::MAX).min(time));
            continue;
        }
        match Readiness::of(table, awaited) {
            Readiness::Now { bytes, flags } => events[i] = Some(Event::ready(bytes, flags)),
            Readiness::Failed(errno) => events[i] = Some(Event::failed(errno)),
            Readiness::Ask(fd) => {
                let writable = matches!(awaited, Awaited::Writable(_));
                let direction = if writable { PollFlags::OUT } else { PollFlags::IN };
                polled.push(PollFd::from_borrowed_fd(fd, direction));
                asked.push((i, fd));
            }
        }
    }
    if events.iter().any(Option::is_some) {
        timeout = Some(0);
    }

    let found = poll_until(&mut polled, started, timeout)?;
    let mut elapsed = nanoseconds_since(started);
    if found == 0 {
        elapsed = elapsed.max(timeout.unwrap_or(0));
    }
    for (&(i, fd), polled) in asked.iter().zip(&polled) {
        events[i] = Event::of_host(polled, fd, subscriptions[i].awaited);
    }
    for (event, subscription) in events.iter_mut().zip(subscriptions) {
        if matches!(subscription.awaited, Awaited::Time(time) if time <= elapsed) {
            *event = Some(Event::ready(0, 0));
        }
    }
    Ok(events)
}

/// Asks the host, for at most so many nanoseconds since `started`, signals or not.
fn poll_until(polled: &mut [PollFd<'_>], started: Instant, timeout: Option<u64>) -> Result<usize, Errno> {
    host::retry(|| {
        let left = timeout.map(|timeout| timeout.saturating_sub(nanoseconds_since(started)));
        poll(polled, left.map(host::to_timespec).as_ref())
    })
}

fn nanoseconds_since(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasi::MemoryInput;
    use crate::wasi::testing::{DATA, Guest, ROOT};

    /// One millisecond.
    const SHORT: u64 = 1_000_000;
    /// An hour: a test that waits for it fails by its duration.
    const LONG: u64 = 3600 * host::NANOSECONDS;
    const EVENTS: u32 = DATA + 4096;
    const COUNT: u32 = 0;

    /// A clock's subscription.
    fn clock(version: Version, id: u32, timeout: u64, flags: u16) -> Vec<u8> {
        let mut bytes = vec![0; Subscription::size(version)];
        let at = if version == Version::Preview1 { 16 } else { 24 };
        bytes[0] = 100;
        bytes[at..at + 4].copy_from_slice(&id.to_le_bytes());
        bytes[at + 8..at + 16].copy_from_slice(&timeout.to_le_bytes());
        bytes[at + 24..at + 26].copy_from_slice(&flags.to_le_bytes());
        bytes
    }

    fn after(timeout: u64) -> Vec<u8> {
        clock(Version::Preview1, 1, timeout, 0)
    }

    /// A descriptor's subscription, to read (1) or to write (2).
    fn ready(fd: u32, direction: u8) -> Vec<u8> {
        let mut bytes = vec![0; Subscription::size(Version::Preview1)];
        bytes[0] = fd as u8;
        bytes[8] = direction;
        bytes[16..20].copy_from_slice(&fd.to_le_bytes());
        bytes
    }

    /// Polls; of each event its userdata, error, kind, number of bytes and flags.
    fn poll(guest: &mut Guest, version: Version, subscriptions: &[Vec<u8>]) -> Result<Vec<[u64; 5]>, Errno> {
        let bytes = subscriptions.concat();
        guest.memory[DATA as usize..][..bytes.len()].copy_from_slice(&bytes);
        let count = subscriptions.len() as u32;
        guest.ctx.poll_oneoff(&mut guest.memory, DATA, EVENTS, count, COUNT, version)?;
        let event = |i| {
            let at = EVENTS + 32 * i;
            let word = guest.u64(at + 8);
            [guest.u64(at), word & 0xffff, word >> 16 & 0xff, guest.u64(at + 16), guest.u64(at + 24)]
        };
        Ok((0..guest.u32(COUNT)).map(event).collect())
    }

    #[test]
    fn times_are_waited_for() {
        let mut guest = Guest::new();
        let started = Instant::now();
        let events = poll(&mut guest, Version::Preview1, &[after(LONG), after(SHORT)]);
        assert_eq!(events, Ok(vec![[100, 0, 0, 0, 0]]));
        assert!(nanoseconds_since(started) >= SHORT);
        let events = poll(&mut guest, Version::Unstable, &[clock(Version::Unstable, 0, SHORT, 0)]);
        assert_eq!(events, Ok(vec![[100, 0, 0, 0, 0]]));
    }

    #[test]
    fn a_moment_in_the_past_is_not_waited_for() {
        let mut guest = Guest::new();
        for id in [0, 1] {
            let past = clock(Version::Preview1, id, 1, ABSTIME);
            assert_eq!(poll(&mut guest, Version::Preview1, &[past, after(LONG)]).unwrap().len(), 1);
        }
        let mut now = [0; 8];
        guest.ctx.clock_time_get(&mut now, 1, 0, 0).unwrap();
        let soon = u64::from_le_bytes(now) + SHORT;
        let soon = clock(Version::Preview1, 1, soon, ABSTIME);
        assert_eq!(poll(&mut guest, Version::Preview1, &[soon]).unwrap().len(), 1);
    }

    #[test]
    fn files_are_ready_at_once() {
        let mut guest = Guest::with_file();
        let fd = guest.open("dir/file", 0).unwrap();
        let both = [ready(fd, 1), after(LONG), ready(fd, 2)];
        let fd = u64::from(fd);
        let events = poll(&mut guest, Version::Preview1, &both).unwrap();
        assert_eq!(events, [[fd, 0, 1, 5, 0], [fd, 0, 2, 1, 0]]);
        guest.read(fd as u32, 5).unwrap();
        let events = poll(&mut guest, Version::Preview1, &[ready(fd as u32, 1)]).unwrap();
        assert_eq!(events, [[fd, 0, 1, 0, u64::from(HANGUP)]]);
    }

    #[test]
    fn streams_in_memory_are_ready_at_once() {
        let mut guest = Guest::new();
        guest.ctx = WasiCtx::builder().stdin(MemoryInput::new(*b"abc")).build();
        let events = poll(&mut guest, Version::Preview1, &[ready(0, 1), ready(1, 2), ready(2, 2)]);
        assert_eq!(events, Ok(vec![[0, 0, 1, 3, 0], [1, 0, 2, 1, 0], [2, 0, 2, 1, 0]]));
    }

    #[test]
    fn sockets_are_asked() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut other = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut guest = Guest::new();
        let (stream, _) = listener.accept().unwrap();
        guest.ctx = WasiCtx::builder().preopened_listener(listener).preopened_stream(stream).build();
        let events = poll(&mut guest, Version::Preview1, &[ready(3, 1), ready(4, 1), after(SHORT)]);
        assert_eq!(events, Ok(vec![[100, 0, 0, 0, 0]]));
        std::io::Write::write_all(&mut other, b"hello").unwrap();
        let events = poll(&mut guest, Version::Preview1, &[ready(3, 1), ready(4, 1), after(LONG)]);
        assert_eq!(events, Ok(vec![[4, 0, 1, 5, 0]]));
    }

    #[test]
    fn what_cannot_be_waited_for_is_an_event_with_an_error() {
        let mut guest = Guest::new();
        let subscriptions = [ready(99, 1), ready(ROOT, 1), ready(0, 2), ready(1, 1), after(LONG)];
        let events = poll(&mut guest, Version::Preview1, &subscriptions).unwrap();
        let badf = Errno::Badf as u64;
        assert_eq!(events, [[99, badf, 1, 0, 0], [3, badf, 1, 0, 0], [0, badf, 2, 0, 0], [1, badf, 1, 0, 0]]);
    }

    #[test]
    fn bad_requests_are_refused() {
        let mut guest = Guest::new();
        let bad = [
            clock(Version::Preview1, 2, 0, 0),
            clock(Version::Preview1, 9, 0, 0),
            clock(Version::Preview1, 1, 0, 2),
            ready(0, 3),
        ];
        for bad in bad {
            assert_eq!(poll(&mut guest, Version::Preview1, &[bad]), Err(Errno::Inval));
        }
        assert_eq!(poll(&mut guest, Version::Preview1, &[]), Err(Errno::Inval));
        let outside = guest.memory.len() as u32;
        let Guest { ctx, memory, .. } = &mut guest;
        let mut poll =
            |from, to, count, nevents| ctx.poll_oneoff(memory, from, to, count, nevents, Version::Preview1);
        assert_eq!(poll(DATA, EVENTS, 1, outside), Err(Errno::Fault));
        assert_eq!(poll(DATA, outside, 1, COUNT), Err(Errno::Fault));
        assert_eq!(poll(outside, EVENTS, 1, COUNT), Err(Errno::Fault));
        assert_eq!(poll(DATA, EVENTS, u32::MAX, COUNT), Err(Errno::Fault));
    }
}
