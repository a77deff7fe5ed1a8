//! Threads for the tasks of kernels, many of which take some microseconds, too short to wake a thread for.
//!
//! A helper that has nothing to do spins for a moment before it sleeps, so that it takes part in the next product of a model
//! without a call of the operating system. The caller works too, and waits only for helpers that have begun: one that wakes too
//! late finds the job closed.

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a helper spins before it sleeps: longer than a model takes from one product to the next.
const SPIN: Duration = Duration::from_micros(if cfg!(miri) { 1 } else { 100 });

/// The flag of [`Shared::word`] that says that there is a job. The rest of the word counts the helpers that may be in it.
const OPEN: usize = 1 << (usize::BITS - 1);

/// Some helpers.
pub(crate) struct Crew {
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
}

/// What a job calls with the index of each task.
type Task = *const (dyn Fn(usize) + Sync);

struct Shared {
    /// Whether some thread has a job, which it alone may publish and close.
    busy: AtomicBool,
    word: AtomicUsize,
    /// The job and its number of tasks. It is written only by the thread that has set `busy`, while `word` is closed and every
    /// helper that it counts has found it closed; it is read only by helpers that `word` counts and that found it open.
    job: UnsafeCell<Option<(Task, usize)>>,
    /// The next task of the job.
    next: AtomicUsize,
    /// Whether a task of the job has panicked in a helper.
    failed: AtomicBool,
    /// Helpers that sleep or are about to.
    sleepers: AtomicUsize,
    finished: AtomicBool,
    lock: Mutex<()>,
    wake: Condvar,
}

// SAFETY: `job` is the only field that is not `Sync` by itself. Its closure is `Sync`. It is written by the thread that has set
// `busy`, when `word` is closed; a helper reads it after it has counted itself in `word` and found it open, and the writer closes
// `word` and waits until it counts nobody before it writes again.
unsafe impl Sync for Shared {}
// SAFETY: the pointer in `job` is used as the comment above says, on any thread.
unsafe impl Send for Shared {}

impl Crew {
    /// A crew of `helpers` threads beside the caller.
    pub(crate) fn new(helpers: usize) -> Self {
        let shared = Arc::new(Shared {
            busy: AtomicBool::new(false),
            word: AtomicUsize::new(0),
            job: UnsafeCell::new(None),
            next: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
            sleepers: AtomicUsize::new(0),
            finished: AtomicBool::new(false),
            lock: Mutex::new(()),
            wake: Condvar::new(),
        });
        let help = |_| {
            let shared = shared.clone();
            std::thread::Builder::new().name("ia3-crew".into()).spawn(move || shared.help()).ok()
        };
        let helpers = (0..helpers).filter_map(help).collect();
        Self { shared, helpers }
    }

    /// Calls `task` with each index below `tasks`, on this thread and the helpers. It returns `false`, without having called
    /// it, if another thread has a job.
    pub(crate) fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) -> bool {
        let shared = &*self.shared;
        if shared.busy.swap(true, Ordering::Acquire) {
            return false;
        }
        // SAFETY: only the lifetime changes. Helpers call the closure while they are counted in an open `word`, and `Closing`
        // does not let this function return or unwind before `word` is closed and counts nobody.
        let task_of_any_life = unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), Task>(task) };
        // SAFETY: `busy` is ours, and `word` counted nobody after it was closed; a helper that has counted itself since found it
        // closed and does not read the job.
        unsafe { *shared.job.get() = Some((task_of_any_life, tasks)) };
        shared.next.store(0, Ordering::Relaxed);
        shared.failed.store(false, Ordering::Relaxed);
        let closing = Closing(shared);
        shared.word.fetch_or(OPEN, Ordering::SeqCst);
        shared.wake_for(tasks);
        shared.claim(task, tasks);
        drop(closing);
        true
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.shared.finished.store(true, Ordering::SeqCst);
        drop(self.shared.lock.lock().unwrap_or_else(PoisonError::into_inner));
        self.shared.wake.notify_all();
        for helper in self.helpers.drain(..) {
            let _ = helper.join();
        }
    }
}

/// Closes the job when it is dropped, and waits for the helpers that are in it.
struct Closing<'a>(&'a Shared);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let mut spins = 0;
        self.0.word.fetch_and(!OPEN, Ordering::AcqRel);
        while self.0.word.load(Ordering::Acquire) != 0 {
            spins += 1;
            pause(spins);
        }
        let failed = self.0.failed.load(Ordering::Relaxed);
        self.0.busy.store(false, Ordering::Release);
        if failed && !std::thread::panicking() {
            resume_unwind(Box::new("a task panicked on another thread"));
        }
    }
}

impl Shared {
    /// Calls `task` with the next index until there is none.
    fn claim(&self, task: &(dyn Fn(usize) + Sync), tasks: usize) {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= tasks {
                return;
            }
            task(index);
        }
    }

    /// Wakes as many sleepers as there are tasks for, beside the one that the caller takes.
    fn wake_for(&self, tasks: usize) {
        let (sleepers, others) = (self.sleepers.load(Ordering::SeqCst), tasks.saturating_sub(1));
        if sleepers == 0 || others == 0 {
            return;
        }
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
        match others < sleepers {
            true => (0..others).for_each(|_| self.wake.notify_one()),
            false => self.wake.notify_all(),
        }
    }

    /// What a helper does all its life.
    fn help(&self) {
        let mut idle = Instant::now();
        let mut spins = 0u32;
        while !self.finished.load(Ordering::Acquire) {
            let open = self.word.load(Ordering::Acquire) & OPEN != 0;
            if open && self.take_part() {
                (idle, spins) = (Instant::now(), 0);
                continue;
            }
            spins = spins.wrapping_add(1);
            pause(spins);
            if spins.is_multiple_of(64) && idle.elapsed() > SPIN {
                self.sleep();
                idle = Instant::now();
            }
        }
    }

    /// Works at the job, if it is open and has tasks left.
    fn take_part(&self) -> bool {
        let before = self.word.fetch_add(1, Ordering::AcqRel);
        let mut worked = false;
        if before & OPEN != 0 {
            // SAFETY: this thread is counted in `word`, which was open, so the thread that has published the job waits in
            // `Closing` for it before the job or what it refers to changes.
            let job = unsafe { *self.job.get() };
            if let Some((task, tasks)) = job
                && self.next.load(Ordering::Relaxed) < tasks
            {
                worked = true;
                // SAFETY: as above.
                let task = unsafe { &*task };
                if catch_unwind(AssertUnwindSafe(|| self.claim(task, tasks))).is_err() {
                    self.failed.store(true, Ordering::Relaxed);
                }
            }
        }
        self.word.fetch_sub(1, Ordering::AcqRel);
        worked
    }

    fn sleep(&self) {
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        // Who publishes a job after this look at the word sees a sleeper, and wakes it after `wait` has given the lock back.
        if self.word.load(Ordering::SeqCst) & OPEN == 0 && !self.finished.load(Ordering::SeqCst) {
            guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
        drop(guard);
    }
}

/// A moment of waiting. Who has waited for long lets other threads run, on which the end of the wait may depend.
fn pause(spins: u32) {
    match cfg!(miri) || spins.is_multiple_of(256) {
        true => std::thread::yield_now(),
        false => std::hint::spin_loop(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_runs_once_also_after_the_helpers_slept() {
        let crew = Crew::new(2);
        for round in 0..if cfg!(miri) { 6 } else { 2000 } {
            let tasks = round % 7;
            let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
            assert!(crew.run(tasks, &|i| {
                counts[i].fetch_add(1, Ordering::Relaxed);
            }));
            assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1), "round {round}");
            if round % 500 == 3 {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }

    #[test]
    fn a_crew_at_work_refuses_another_job() {
        let crew = Crew::new(1);
        assert!(crew.run(1, &|_| assert!(!crew.run(1, &|_| unreachable!()))));
    }

    #[test]
    fn a_panic_of_a_task_reaches_the_caller_and_leaves_the_crew_in_order() {
        let crew = Crew::new(1);
        for _ in 0..4 {
            let run = catch_unwind(AssertUnwindSafe(|| crew.run(3, &|i| assert!(i != 1, "task {i}"))));
            assert!(run.is_err());
        }
        assert!(crew.run(3, &|_| ()));
    }
}
