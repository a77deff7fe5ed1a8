//! All integration tests of this crate that need no process of their own, in one program: it links once.

#[path = "../common/mod.rs"]
mod common;

mod accumulate;
mod golden;
mod metrics;
mod multi_task;
mod ranks;
mod ranks_evaluate;
mod target_kinds;
mod train;
