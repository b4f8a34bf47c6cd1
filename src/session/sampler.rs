//! The sampler: a thread that wants the guests' attention once a period, so that safepoints tell where time goes. Knows
//! neither functions nor tiers.

use latier_runtime::attention::Attention;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// While no guest runs, the period doubles up to so many times.
const MAX_DOUBLINGS: u32 = 6;

/// What the sampling thread and those who answer share.
struct Shared {
    attention: Arc<Attention>,
    epoch: Instant,
    period: Duration,
    /// When attention was last wanted, in nanoseconds since the epoch.
    raised_ns: AtomicU64,
    /// For how long guests have run, as far as samples tell.
    guest_ns: AtomicU64,
    stopped: Mutex<bool>,
    stop: Condvar,
}

/// A sampling thread, once it is started.
pub(super) struct Sampler {
    shared: Arc<Shared>,
    thread: OnceLock<Option<JoinHandle<()>>>,
}

impl Sampler {
    /// A sampler of whoever `attention` reaches. It has no thread yet.
    pub(super) fn new(attention: Arc<Attention>, period: Duration) -> Sampler {
        let shared = Shared {
            attention,
            epoch: Instant::now(),
            period,
            raised_ns: AtomicU64::new(0),
            guest_ns: AtomicU64::new(0),
            stopped: Mutex::new(false),
            stop: Condvar::new(),
        };
        Sampler { shared: Arc::new(shared), thread: OnceLock::new() }
    }

    /// Starts the thread, if it does not run yet. Without one, for want of resources, nothing is ever found hot.
    pub(super) fn start(&self) {
        self.thread.get_or_init(|| {
            let shared = self.shared.clone();
            let named = std::thread::Builder::new().name("latier-sampler".into()).stack_size(64 << 10);
            named.spawn(move || shared.run()).ok()
        });
    }

    /// Whether attention was wanted only now: then who answers was doing what it answers with.
    pub(super) fn is_fresh(&self, within: Duration) -> bool {
        let age = self.shared.now_ns().saturating_sub(self.shared.raised_ns.load(Ordering::Relaxed));
        Duration::from_nanos(age) < within
    }

    /// For how long guests have run.
    pub(super) fn guest_ns(&self) -> u64 {
        self.shared.guest_ns.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn run(&self) {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut doublings, mut before) = (0, self.now_ns());
        loop {
            let timeout = self.period * (1 << doublings);
            let waited = self.stop.wait_timeout_while(stopped, timeout, |stopped| !*stopped);
            stopped = waited.unwrap_or_else(PoisonError::into_inner).0;
            if *stopped {
                return;
            }
            let now = self.now_ns();
            self.raised_ns.store(now, Ordering::Relaxed);
            if self.attention.raise() {
                // After a pause, when a guest began is not known.
                let ran = if doublings == 0 { now - before } else { 0 };
                self.guest_ns.fetch_add(ran, Ordering::Relaxed);
                doublings = 0;
            } else {
                doublings = (doublings + 1).min(MAX_DOUBLINGS);
            }
            before = now;
        }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        *self.shared.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.stop.notify_all();
        if let Some(thread) = self.thread.take().flatten() {
            // It does nothing that could panic.
            let _ = thread.join();
        }
    }
}
