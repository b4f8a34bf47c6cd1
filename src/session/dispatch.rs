//! The dispatcher: who runs compiles that nobody waits for, and when. A bounded queue, hottest first, and threads that
//! exist from the first job on; or no thread at all, for what must be the same in every run. Knows nothing of what a
//! job does.
//!
//! 1. A job is told its [`Turn`] exactly once, outside the lock, whatever happens: run, displaced or cancelled.
//! 2. After [`Dispatcher::stop`] no job starts; after [`Dispatcher::shutdown`] none runs.
//! 3. A job that panics is over; its thread goes on to the next.

use super::sync::{Arc, AtomicBool, Condvar, JoinHandle, Mutex, MutexGuard, Ordering, current, spawn};
use crate::tier::refusal::Reason;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::available_parallelism;

/// What a job is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is its turn.
    Run,
    /// It will not have one.
    Refused(Reason),
}

/// A job. It must not wait for the dispatcher that runs it.
pub type Job = Box<dyn FnOnce(Turn) + Send>;

/// Tells a job its turn.
fn tell(job: Job, turn: Turn) {
    // The job's owner has seen to what a panic means; here it ends.
    drop(catch_unwind(AssertUnwindSafe(|| job(turn))));
}

/// Where a job stands in the queue: higher priorities first, among equals whoever came first.
type Rank = (Reverse<u64>, u64);

#[derive(Default)]
struct Queue {
    jobs: BTreeMap<Rank, Job>,
    /// Jobs that there have been.
    submitted: u64,
    /// Jobs that run now.
    running: usize,
    /// Threads that wait for a job.
    idle: usize,
    threads: Vec<JoinHandle<()>>,
    stopped: bool,
}

/// What the threads of a pool share.
struct Pool {
    queue: Mutex<Queue>,
    /// There is a job, or there will be no more.
    changed: Condvar,
    /// Nothing runs or waits.
    all_done: Condvar,
    capacity: usize,
    max_threads: usize,
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("no one panics under this lock")
    }

    /// Takes a job from the queue whenever there is one, until the pool is stopped.
    fn work(&self) {
        let mut queue = self.lock();
        while !queue.stopped {
            let Some((_, job)) = queue.jobs.pop_first() else {
                queue.idle += 1;
                queue = self.changed.wait(queue).expect("no one panics under this lock");
                queue.idle -= 1;
                continue;
            };
            queue.running += 1;
            drop(queue);
            tell(job, Turn::Run);
            queue = self.lock();
            queue.running -= 1;
            self.if_all_done(&queue);
        }
    }

    fn if_all_done(&self, queue: &Queue) {
        if queue.running == 0 && queue.jobs.is_empty() {
            self.all_done.notify_all();
        }
    }
}

/// Queues a job, and starts a thread for it if all are busy. Gives back the job that has no place, and why.
fn queue(pool: &Arc<Pool>, priority: u64, job: Job) -> Option<(Job, Reason)> {
    let mut queue = pool.lock();
    if queue.stopped {
        return Some((job, Reason::Cancelled));
    }
    if queue.jobs.len() >= queue.idle && queue.threads.len() < pool.max_threads {
        let shared = pool.clone();
        match spawn(move || shared.work()) {
            Ok(thread) => queue.threads.push(thread),
            Err(_) if queue.threads.is_empty() => return Some((job, Reason::ResourceShort)),
            // The threads that there are will come to it.
            Err(_) => {}
        }
    }
    let number = queue.submitted;
    queue.submitted += 1;
    queue.jobs.insert((Reverse(priority), number), job);
    pool.changed.notify_one();
    let full = queue.jobs.len() > pool.capacity;
    let last = if full { queue.jobs.pop_last() } else { None };
    last.map(|(_, job)| (job, Reason::QueueFull))
}

enum Kind {
    Pool(Arc<Pool>),
    /// Holds whether it is stopped.
    InPlace(AtomicBool),
}

/// Runs jobs that nobody waits for.
pub struct Dispatcher(Kind);

impl Dispatcher {
    /// Jobs run on `threads` threads, by default on all of the machine's but one, and at least on one. They start as
    /// jobs come, and stand back behind the guests' where the system has a way to. Of the jobs that wait, at most
    /// `capacity` are kept.
    pub fn pool(threads: Option<NonZeroUsize>, capacity: usize) -> Dispatcher {
        let all_but_one = || available_parallelism().map_or(1, |n| n.get() - 1).max(1);
        Dispatcher(Kind::Pool(Arc::new(Pool {
            queue: Mutex::new(Queue::default()),
            changed: Condvar::new(),
            all_done: Condvar::new(),
            capacity: capacity.max(1),
            max_threads: threads.map_or_else(all_but_one, NonZeroUsize::get),
        })))
    }

    /// Each job runs at once on the thread that submits it, so that what happens when is the same in every run.
    pub fn in_place() -> Dispatcher {
        Dispatcher(Kind::InPlace(AtomicBool::new(false)))
    }

    /// Hands over a job. Of a queue that is full the last job is told so, which may be this one; before this returns.
    pub fn submit(&self, priority: u64, job: Job) {
        match &self.0 {
            Kind::InPlace(stopped) if stopped.load(Ordering::Acquire) => {
                tell(job, Turn::Refused(Reason::Cancelled));
            }
            Kind::InPlace(_) => tell(job, Turn::Run),
            Kind::Pool(pool) => {
                if let Some((job, reason)) = queue(pool, priority, job) {
                    tell(job, Turn::Refused(reason));
                }
            }
        }
    }

    /// Cancels what waits and what will be submitted. What runs goes on, and is not waited for.
    pub fn stop(&self) {
        match &self.0 {
            Kind::InPlace(stopped) => stopped.store(true, Ordering::Release),
            Kind::Pool(pool) => {
                let mut queue = pool.lock();
                queue.stopped = true;
                let cancelled = std::mem::take(&mut queue.jobs);
                pool.changed.notify_all();
                pool.if_all_done(&queue);
                drop(queue);
                cancelled.into_values().for_each(|job| tell(job, Turn::Refused(Reason::Cancelled)));
            }
        }
    }

    /// Stops, and waits until the threads are gone. In a job, whose thread cannot be waited for, it waits for the
    /// others. Of two calls at the same time only one waits.
    pub fn shutdown(&self) {
        self.stop();
        let Kind::Pool(pool) = &self.0 else { return };
        let threads = std::mem::take(&mut pool.lock().threads);
        for thread in threads.into_iter().filter(|t| t.thread().id() != current().id()) {
            thread.join().expect("what a job panics with ends in it");
        }
    }

    /// Waits until no job waits or runs.
    pub fn wait_idle(&self) {
        let Kind::Pool(pool) = &self.0 else { return };
        let mut queue = pool.lock();
        while queue.running > 0 || !queue.jobs.is_empty() {
            queue = pool.all_done.wait(queue).expect("no one panics under this lock");
        }
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.shutdown();
    }
}
