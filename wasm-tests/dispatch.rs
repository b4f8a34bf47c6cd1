//! The dispatcher: under a model checker, every interleaving of who submits, who works and who shuts down; and as it
//! is, its order, its bounds and what it does about panics.

mod sync {
    pub(super) use loom::sync::atomic::{AtomicBool, Ordering};
    pub(super) use loom::sync::{Arc, Condvar, Mutex, MutexGuard};
    pub(super) use loom::thread::{JoinHandle, current};

    pub(super) fn spawn(work: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
        Ok(loom::thread::spawn(work))
    }
}

#[path = "../src/session/dispatch.rs"]
#[allow(missing_docs)]
mod dispatch;

use latier::tier;

/// What the jobs of a test were told.
#[derive(Clone, Default)]
struct Told(std::sync::Arc<std::sync::Mutex<Vec<(u32, String)>>>);

impl Told {
    fn note(&self, job: u32, turn: impl std::fmt::Debug) {
        self.0.lock().unwrap().push((job, format!("{turn:?}")));
    }

    fn all(&self) -> Vec<(u32, String)> {
        self.0.lock().unwrap().clone()
    }

    /// What each of `jobs` jobs was told, if each was told once.
    fn each_once(&self, jobs: u32) -> Vec<String> {
        let mut all = self.all();
        all.sort();
        assert!(all.iter().map(|(job, _)| *job).eq(0..jobs), "{all:?}");
        all.into_iter().map(|(_, turn)| turn).collect()
    }
}

const RUN: &str = "Run";
const CANCELLED: &str = "Refused(Cancelled)";
const FULL: &str = "Refused(QueueFull)";

mod in_all_interleavings {
    use super::dispatch::{Dispatcher, Job};
    use super::{CANCELLED, FULL, RUN, Told};
    use loom::sync::{Arc, mpsc};
    use loom::thread;
    use std::num::NonZeroUsize;

    fn job(told: &Told, number: u32) -> Job {
        let told = told.clone();
        Box::new(move |turn| told.note(number, turn))
    }

    fn model(threads: usize, capacity: usize, check: impl Fn(Dispatcher, Told) + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(move || {
            check(Dispatcher::pool(NonZeroUsize::new(threads), capacity), Told::default());
        });
    }

    #[test]
    fn a_job_submitted_while_the_pool_shuts_down_is_told_once() {
        model(1, 4, |dispatcher, told| {
            let dispatcher = Arc::new(dispatcher);
            let submitter = {
                let (dispatcher, told) = (dispatcher.clone(), told.clone());
                thread::spawn(move || {
                    dispatcher.submit(1, job(&told, 0));
                    dispatcher.submit(2, job(&told, 1));
                })
            };
            dispatcher.shutdown();
            let at_shutdown = told.all().iter().filter(|(_, turn)| turn == RUN).count();
            submitter.join().unwrap();
            let turns = told.each_once(2);
            assert!(turns.iter().all(|turn| turn == RUN || turn == CANCELLED), "{turns:?}");
            let ran = turns.iter().filter(|turn| *turn == RUN).count();
            assert_eq!(ran, at_shutdown, "nothing runs after the shutdown");
        });
    }

    #[test]
    fn two_submitters_fill_a_queue_and_no_job_is_lost() {
        model(1, 1, |dispatcher, told| {
            let dispatcher = Arc::new(dispatcher);
            let other = {
                let (dispatcher, told) = (dispatcher.clone(), told.clone());
                thread::spawn(move || dispatcher.submit(1, job(&told, 0)))
            };
            dispatcher.submit(2, job(&told, 1));
            other.join().unwrap();
            dispatcher.wait_idle();
            let turns = told.each_once(2);
            assert!(turns[1] == RUN && (turns[0] == RUN || turns[0] == FULL), "{turns:?}");
        });
    }

    #[test]
    fn two_threads_do_all_that_waits() {
        model(2, 4, |dispatcher, told| {
            for number in 0..2 {
                dispatcher.submit(0, job(&told, number));
            }
            dispatcher.wait_idle();
            assert_eq!(told.each_once(2), [RUN, RUN]);
        });
    }

    #[test]
    fn the_last_owner_may_be_a_job() {
        model(1, 4, |dispatcher, told| {
            let dispatcher = Arc::new(dispatcher);
            let (owner, note, (tell, gone)) = (dispatcher.clone(), told.clone(), mpsc::channel());
            dispatcher.submit(
                0,
                Box::new(move |turn| {
                    note.note(0, turn);
                    drop(owner);
                    tell.send(()).unwrap();
                }),
            );
            drop(dispatcher);
            gone.recv().unwrap();
            told.each_once(1);
        });
    }

    #[test]
    fn in_place_a_job_runs_before_a_stop_or_is_cancelled() {
        loom::model(|| {
            let (dispatcher, told) = (Arc::new(Dispatcher::in_place()), Told::default());
            let submitter = {
                let (dispatcher, told) = (dispatcher.clone(), told.clone());
                thread::spawn(move || dispatcher.submit(0, job(&told, 0)))
            };
            dispatcher.stop();
            submitter.join().unwrap();
            dispatcher.submit(0, job(&told, 1));
            assert_eq!(told.each_once(2)[1], CANCELLED);
        });
    }
}

mod as_it_is {
    use super::{CANCELLED, FULL, RUN, Told};
    use latier::session::dispatch::{Dispatcher, Job};
    use std::num::NonZeroUsize;
    use std::sync::{Arc, Barrier, mpsc};
    use std::thread;

    fn job(told: &Told, number: u32) -> Job {
        let told = told.clone();
        Box::new(move |turn| told.note(number, turn))
    }

    /// A pool of one thread that is busy until the sender is used or dropped.
    fn busy(capacity: usize) -> (Dispatcher, mpsc::Sender<()>) {
        let dispatcher = Dispatcher::pool(NonZeroUsize::new(1), capacity);
        let ((open, gate), (started, has_started)) = (mpsc::channel::<()>(), mpsc::channel());
        dispatcher.submit(
            u64::MAX,
            Box::new(move |_| {
                started.send(()).unwrap();
                _ = gate.recv();
            }),
        );
        has_started.recv().unwrap();
        (dispatcher, open)
    }

    #[test]
    fn the_hottest_comes_first_and_among_equals_the_earliest() {
        let ((dispatcher, open), told) = (busy(10), Told::default());
        for (number, priority) in [3, 7, 3, 9, 7].into_iter().enumerate() {
            dispatcher.submit(priority, job(&told, number as u32));
        }
        drop(open);
        dispatcher.wait_idle();
        assert!(told.all().into_iter().map(|(number, _)| number).eq([3, 1, 4, 0, 2]));
    }

    #[test]
    fn the_last_of_a_full_queue_is_told_so_at_once() {
        let ((dispatcher, open), told) = (busy(2), Told::default());
        dispatcher.submit(1, job(&told, 0));
        dispatcher.submit(2, job(&told, 1));
        assert_eq!(told.all(), []);
        dispatcher.submit(2, job(&told, 2));
        assert_eq!(told.all(), [(0, FULL.to_string())]);
        dispatcher.submit(2, job(&told, 3));
        assert_eq!(told.all().last(), Some(&(3, FULL.to_string())));
        drop(open);
        dispatcher.wait_idle();
        assert_eq!(told.each_once(4), [FULL, RUN, RUN, FULL]);
    }

    #[test]
    fn a_shutdown_cancels_what_waits_and_awaits_what_runs() {
        let ((dispatcher, open), told) = (busy(10), Told::default());
        let (told_last, cancelled) = (told.clone(), mpsc::channel());
        dispatcher.submit(2, job(&told, 0));
        dispatcher.submit(
            1,
            Box::new(move |turn| {
                told_last.note(1, turn);
                cancelled.0.send(()).unwrap();
            }),
        );
        thread::scope(|scope| {
            let ended = scope.spawn(|| dispatcher.shutdown());
            cancelled.1.recv().unwrap();
            assert!(!ended.is_finished(), "a job still runs");
            drop(open);
        });
        assert_eq!(told.each_once(2), [CANCELLED, CANCELLED]);
        dispatcher.submit(0, job(&told, 2));
        dispatcher.shutdown();
        dispatcher.wait_idle();
        assert_eq!(told.each_once(3)[2], CANCELLED);
    }

    #[test]
    fn what_a_job_holds_is_given_back_however_it_ends() {
        let held = Arc::new(());
        let ((dispatcher, open), told) = (busy(2), Told::default());
        for number in 0..4 {
            let (held, told) = (held.clone(), told.clone());
            dispatcher.submit(
                0,
                Box::new(move |turn| {
                    told.note(number, turn);
                    assert!(Arc::strong_count(&held) > 100, "a panic on purpose");
                }),
            );
        }
        dispatcher.stop();
        drop(open);
        drop(dispatcher);
        assert_eq!(told.each_once(4), [CANCELLED, CANCELLED, FULL, FULL]);
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn a_job_that_panics_is_over_and_the_next_one_runs() {
        for dispatcher in [Dispatcher::pool(NonZeroUsize::new(1), 4), Dispatcher::in_place()] {
            let told = Told::default();
            dispatcher.submit(1, Box::new(|_| panic!("on purpose")));
            dispatcher.submit(0, job(&told, 0));
            dispatcher.wait_idle();
            dispatcher.shutdown();
            assert_eq!(told.each_once(1), [RUN]);
        }
    }

    #[test]
    fn there_are_as_many_threads_as_jobs_at_once_and_no_more_than_allowed() {
        let dispatcher = Dispatcher::pool(NonZeroUsize::new(3), 64);
        let (ids, seen) = mpsc::channel();
        let submit = |barrier: Arc<Barrier>| {
            let ids = ids.clone();
            dispatcher.submit(
                0,
                Box::new(move |_| {
                    ids.send((thread::current().id(), thread::current().name().map(String::from))).unwrap();
                    barrier.wait();
                }),
            );
        };
        let of_last = |n: usize| {
            dispatcher.wait_idle();
            let mut threads: Vec<_> = seen.iter().take(n).map(|thread| format!("{thread:?}")).collect();
            threads.sort();
            threads.dedup();
            threads
        };
        submit(Arc::new(Barrier::new(1)));
        let first = of_last(1);
        assert!(first[0].contains("latier-compile"), "{first:?}");
        let three_at_once = Arc::new(Barrier::new(3));
        (0..3).for_each(|_| submit(three_at_once.clone()));
        let three = of_last(3);
        assert!(three.len() == 3 && three.contains(&first[0]), "{three:?}");
        (0..50).for_each(|_| submit(Arc::new(Barrier::new(1))));
        assert!(of_last(50).iter().all(|thread| three.contains(thread)));
    }

    #[test]
    fn threads_stand_back_where_the_system_shows_it() {
        // The 19th field of the line; the second one, in parentheses, may hold spaces.
        let nice = || -> Option<i32> {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").ok()?;
            stat.rsplit_once(')')?.1.split_whitespace().nth(16)?.parse().ok()
        };
        let (tell, told) = mpsc::channel();
        let dispatcher = Dispatcher::pool(None, 1);
        dispatcher.submit(0, Box::new(move |_| tell.send(nice()).unwrap()));
        let (there, here) = (told.recv().unwrap(), nice());
        assert_eq!(there, here.map(|here| (here + 5).min(19)));
    }

    #[test]
    fn in_place_a_job_runs_where_it_is_submitted() {
        let (dispatcher, (tell, told)) = (Dispatcher::in_place(), mpsc::channel());
        dispatcher.submit(0, Box::new(move |turn| tell.send((turn, thread::current().id())).unwrap()));
        let (turn, thread) = told.try_recv().expect("it has run");
        assert_eq!((format!("{turn:?}"), thread), (RUN.into(), thread::current().id()));
    }
}
