//! What the tests of the ia3 crates share.
//!
//! The crate is a dev-dependency and is never published. Its `Cargo.toml` also holds the one set of features under which
//! the workspace compiles its dependencies.
#![forbid(unsafe_code)]

mod bad_inputs;
mod corpus;
mod files;
mod sandbox;
mod skip;
mod unprivileged;

pub use bad_inputs::{BadInput, run_bad_inputs, unescape};
pub use corpus::{case_dirs, corpus};
pub use files::{fixture, names};
pub use sandbox::{enter_sandbox, sandbox};
pub use skip::{REQUIRE_ALL, skip};
pub use unprivileged::unprivileged;
