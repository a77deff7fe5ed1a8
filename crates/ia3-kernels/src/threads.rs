//! Tasks on all threads. No other file of the crate but that of the crew starts one.

#[cfg(not(miri))]
use std::sync::{LazyLock, Mutex, PoisonError};

#[cfg(not(miri))]
use crate::crew::Crew;

/// Elements that one task takes: enough that starting the task costs little, few enough for the cache. Under Miri so few
/// that small inputs need several tasks.
pub(crate) const CHUNK: usize = if cfg!(miri) { 8 } else { 16 * 1024 };

/// Rows of `width` elements that one task takes.
pub(crate) fn rows_per_task(width: usize) -> usize {
    (CHUNK / width.max(1)).max(1)
}

/// Elements of a weight that one task reads, where each of them is read once: of the order of 10 µs at the rate of the memory.
pub(crate) const STREAM: usize = if cfg!(miri) { 256 } else { 96 << 10 };

/// Number of threads.
pub(crate) fn count() -> usize {
    if cfg!(miri) { 2 } else { rayon::current_num_threads() }
}

/// Calls `f` with each of the tasks, on this thread and the helpers of a [`Crew`]. Where the helpers have other work, or where this
/// thread is one of rayon's, rayon's threads do it.
#[cfg(not(miri))]
pub(crate) fn for_each<T: Send>(tasks: Vec<T>, f: impl Fn(T) + Sync + Send) {
    static CREW: LazyLock<Crew> = LazyLock::new(|| Crew::new(count() - 1));
    if tasks.len() <= 1 || count() == 1 {
        return tasks.into_iter().for_each(f);
    }
    if rayon::current_thread_index().is_some() {
        return for_each_of_rayon(tasks, f);
    }
    let slots: Vec<Mutex<Option<T>>> = tasks.into_iter().map(|task| Mutex::new(Some(task))).collect();
    let take = |slot: &Mutex<Option<T>>| slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    let run = |i: usize| take(&slots[i]).into_iter().for_each(&f);
    if !CREW.run(slots.len(), &run) {
        for_each_of_rayon((0..slots.len()).collect(), run);
    }
}

#[cfg(not(miri))]
fn for_each_of_rayon<T: Send>(tasks: Vec<T>, f: impl Fn(T) + Sync + Send) {
    use rayon::prelude::*;
    tasks.into_par_iter().for_each(f);
}

/// Miri runs each task on a thread of its own, so that it sees every data race; rayon's pool would outlive the test.
#[cfg(miri)]
pub(crate) fn for_each<T: Send>(tasks: Vec<T>, f: impl Fn(T) + Sync + Send) {
    let f = &f;
    std::thread::scope(|scope| {
        for task in tasks {
            scope.spawn(move || f(task));
        }
    });
}

/// The same on this thread alone if there are too few operations for threads to pay.
pub(crate) fn for_each_of<T: Send>(tasks: Vec<T>, operations: usize, f: impl Fn(T) + Sync + Send) {
    match operations <= 4 * CHUNK {
        true => tasks.into_iter().for_each(f),
        false => for_each(tasks, f),
    }
}
