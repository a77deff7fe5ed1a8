//! Trainings with dropout. The CPU has one random number generator per process, so they run in a process of their own, one
//! after the other.

#[path = "../common/mod.rs"]
mod common;

mod checkpointing;
mod multi_task_state;
mod resume;

use std::sync::{Mutex, MutexGuard};

/// Holds every other test back until the result is dropped.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|e| e.into_inner())
}
