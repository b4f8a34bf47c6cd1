//! Where threads wait for each other: one place for the process, by the address they wait at. Knows nothing of
//! memories but that an address is one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How a wait ended. The numbers are those of the instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum WaitResult {
    /// Another thread notified this one.
    Ok = 0,
    /// The value was not the expected one: there was no wait.
    Mismatch = 1,
    /// The time was up.
    TimedOut = 2,
}

/// What a wait expects at its address.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    /// 32 bits.
    U32(u32),
    /// 64 bits.
    U64(u64),
}

/// Waiting threads, in the order they came. Addresses are spread over several such, so that few threads that have
/// nothing to do with each other meet.
struct Bucket(Mutex<VecDeque<Arc<Waiter>>>);

struct Waiter {
    address: usize,
    /// Written and read under the bucket's lock, which orders it.
    notified: AtomicBool,
    wake: Condvar,
}

const BUCKETS: usize = 64;

static LOT: [Bucket; BUCKETS] = [const { Bucket(Mutex::new(VecDeque::new())) }; BUCKETS];

fn bucket(address: usize) -> MutexGuard<'static, VecDeque<Arc<Waiter>>> {
    // Waiters lie at multiples of 4; the product's high bits depend on all bits of the address.
    let hash = (address as u64 >> 2).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58;
    LOT[hash as usize % BUCKETS].0.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Expected {
    /// Whether it is what lies at `address`.
    ///
    /// # Safety
    /// As of [`wait`].
    unsafe fn is_at(self, address: *mut u8) -> bool {
        match self {
            Expected::U32(value) => {
                // SAFETY: the caller's promise.
                let found = unsafe { AtomicU32::from_ptr(address.cast()) };
                found.load(Ordering::SeqCst) == value
            }
            Expected::U64(value) => {
                // SAFETY: the caller's promise.
                let found = unsafe { AtomicU64::from_ptr(address.cast()) };
                found.load(Ordering::SeqCst) == value
            }
        }
    }
}

/// Waits until [`notify`] wakes this thread, if `expected` lies at `address`; at most for `timeout`, if there is one.
/// Between the comparison and the wait no notification is missed.
///
/// # Safety
/// As many bytes as `expected` has may be read at `address`, which is a multiple of their number, as long as the wait
/// lasts; who writes them at the same time does so atomically or is a guest.
pub(crate) unsafe fn wait(address: *mut u8, expected: Expected, timeout: Option<Duration>) -> WaitResult {
    // A deadline beyond what the clock can say is none.
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let mut waiting = bucket(address as usize);
    // SAFETY: the caller's promise.
    if !unsafe { expected.is_at(address) } {
        return WaitResult::Mismatch;
    }
    let waiter = Arc::new(Waiter {
        address: address as usize,
        notified: AtomicBool::new(false),
        wake: Condvar::new(),
    });
    waiting.push_back(waiter.clone());
    loop {
        waiting = match deadline {
            None => waiter.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                waiter.wake.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        if waiter.notified.load(Ordering::Relaxed) {
            return WaitResult::Ok;
        }
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            waiting.retain(|other| !Arc::ptr_eq(other, &waiter));
            return WaitResult::TimedOut;
        }
    }
}

/// Wakes at most `count` threads that wait at `address`, those first that came first; gives how many.
pub(crate) fn notify(address: usize, count: u32) -> u32 {
    let mut waiting = bucket(address);
    let mut woken = 0;
    waiting.retain(|waiter| {
        let wakes = waiter.address == address && woken < count;
        if wakes {
            woken += 1;
            waiter.notified.store(true, Ordering::Relaxed);
            waiter.wake.notify_one();
        }
        !wakes
    });
    woken
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn wait_at(value: &AtomicU32, expected: u32, timeout: Option<Duration>) -> WaitResult {
        // SAFETY: the value is aligned, and is only accessed atomically.
        unsafe { wait(value.as_ptr().cast(), Expected::U32(expected), timeout) }
    }

    #[test]
    fn who_need_not_wait_does_not() {
        let value = AtomicU32::new(1);
        assert_eq!(wait_at(&value, 2, None), WaitResult::Mismatch);
        assert_eq!(wait_at(&value, 1, Some(Duration::ZERO)), WaitResult::TimedOut);
        assert_eq!(notify(value.as_ptr() as usize, u32::MAX), 0);
    }

    #[test]
    fn as_many_wake_as_are_notified() {
        let value = AtomicU32::new(0);
        thread::scope(|scope| {
            let waiters: Vec<_> = (0..4).map(|_| scope.spawn(|| wait_at(&value, 0, None))).collect();
            let mut woken = 0;
            while woken < 4 {
                // Another address wakes nobody, and one notification at most one.
                assert_eq!(notify(value.as_ptr() as usize + 4, u32::MAX), 0);
                let one = notify(value.as_ptr() as usize, 1);
                assert!(one <= 1);
                woken += one;
                thread::yield_now();
            }
            assert_eq!(notify(value.as_ptr() as usize, u32::MAX), 0);
            for waiter in waiters {
                assert_eq!(waiter.join().unwrap(), WaitResult::Ok);
            }
        });
    }
}
