//! GGUF files of llama.cpp: merging adapters into them, and their tensors as those of a checkpoint. The format itself is in the crate `ia3-gguf`.

mod error;
mod merge;
mod tensors;

pub use error::GgufFileError;
pub use merge::merge_gguf;
pub(crate) use tensors::{Facts, GgufTensors};
