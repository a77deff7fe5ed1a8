#![doc = include_str!("../README.md")]
#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod blocks;
mod error;
mod file;
mod limits;
mod merge;
mod names;
mod tensor_type;

pub use blocks::{Format, IntegerFormat, Integers, OutOfRange, Rounding};
pub use error::{GgufError, MergeError};
pub use file::{Array, GgufFile, IntegersOfTensor, Metadata, TensorInfo, Value, ValueType, is_gguf};
pub use limits::*;
pub use merge::{MergeOptions, MergePlan, MergeReport, MergedRecord, ModuleVector, PreparedMerge};
pub use names::{Architecture, RowOrder};
pub use tensor_type::TensorType;
