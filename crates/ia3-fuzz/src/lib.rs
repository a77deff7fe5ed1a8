//! The readers of the ia3 crates as functions over any bytes.
//!
//! A [`Target`] is one reader with what it promises. `fuzz/` at the top of the repository runs each target under libFuzzer;
//! the tests of this crate run the same functions on seeds from the fixtures, on the inputs that once failed, and on a
//! bounded number of mutations. The crate is never published.
#![forbid(unsafe_code)]

mod driver;
mod input;
mod limits;
mod seeds;
mod target;
mod targets;
mod tokens;

pub use driver::{fuzz, ignore_caught_panics, panic_message};
pub use input::SEPARATOR;
pub use limits::{MAX_BYTES_PER_INPUT_BYTE, MAX_EXTRA_BYTES, MAX_SECONDS, Usage, measured, within_limits};
pub use target::Target;
pub use targets::*;
pub use tokens::TOKENS;
