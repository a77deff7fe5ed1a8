//! Files of `torch.save`: a dictionary of tensors, read without running code, and written.

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
pub(crate) use file::{FloatTensor, TorchFile};
pub use problem::{PickleProblem, TorchProblem};
pub(crate) use write::{TorchTensor, write_torch};
