#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod example;

pub use example::{Example, Target};
