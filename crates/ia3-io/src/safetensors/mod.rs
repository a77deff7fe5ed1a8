//! The safetensors format: reading single tensors of a checked file, and writing.

mod decode;
mod dtype;
mod entry;
mod error;
mod fused_experts;
mod header;
mod read_floats;
mod tensor_file;
mod tensors;
mod writer;

pub use decode::decode_f32;
pub(crate) use dtype::{file_dtype, is_float};
pub use entry::Entry;
pub use error::SafetensorsError;
pub use tensor_file::TensorFile;
pub use tensors::{read_tensors, write_tensors};
pub(crate) use writer::header;
pub use writer::{Source, WriteValues, pytorch_metadata, write_file};
