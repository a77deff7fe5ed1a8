//! GGUF files of llama.cpp: merging adapters into them. The format itself is in the crate `ia3-gguf`.

mod error;
mod merge;

pub use error::GgufFileError;
pub use merge::merge_gguf;
