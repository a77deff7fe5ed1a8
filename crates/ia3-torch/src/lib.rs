#![doc = include_str!("../README.md")]
#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod archive;
mod error;
mod file;
mod machine;
mod object;
mod pickle;
mod problem;
mod rebuild;
mod tensor;
mod write;

pub use error::TorchError;
pub use file::{TorchFile, TorchFloats, TorchValues};
pub use problem::{PickleProblem, TorchProblem};
pub use write::{TorchTensor, write_torch};
