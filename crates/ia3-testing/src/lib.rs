//! What the tests of the ia3 crates share.
//!
//! The crate is a dev-dependency and is never published. Its `Cargo.toml` also holds the one set of features under which
//! the workspace compiles its dependencies.
#![forbid(unsafe_code)]

mod bad_inputs;
mod corpus;
#[cfg(target_os = "linux")]
mod faults;
mod files;
mod sandbox;
mod skip;
mod unprivileged;

pub use bad_inputs::{BadInput, run_bad_inputs, unescape};
pub use corpus::{case_dirs, corpus};
#[cfg(target_os = "linux")]
pub use faults::{
    Fault, FaultyRun, SystemCall, can_inject_faults, run_with_fault, run_with_small_files, system_calls,
};
pub use files::{fixture, names};
pub use sandbox::{enter_sandbox, sandbox};
pub use skip::{REQUIRE_ALL, skip};
pub use unprivileged::unprivileged;
