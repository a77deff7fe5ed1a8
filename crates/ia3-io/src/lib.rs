#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod adapter_file;
mod adapter_load;
mod adapter_report;
mod adapter_save;
mod card;
mod checkpoint;
mod convert;
mod error;
mod error_parts;
mod fill;
mod foreign;
mod header;
mod index;
mod layout;
mod load;
mod load_report;
mod names;
mod read;
mod save;
mod saved;
mod shards;
mod sidecars;
mod slots;
mod stage;
mod stats;
mod tensor_file;
mod tensors;
mod text;
mod write;

pub use adapter_file::{AdapterFile, FileVector};
pub use adapter_load::load_adapter;
pub use adapter_report::AdapterReport;
pub use adapter_save::{AdapterOptions, SavedAdapter, save_adapter, save_adapters};
pub use checkpoint::{Checkpoint, TensorFacts};
pub use error::IoError;
pub use error_parts::{BadDtype, MisShaped, Missing};
pub use foreign::Foreign;
pub use load::LoadOptions;
pub use load_report::LoadReport;
pub use safetensors::Dtype;
pub use save::{CheckpointOptions, SavedCheckpoint, save_checkpoint};
pub use sidecars::copy_sidecars;
pub use stats::{VectorStats, statistics};
pub use tensors::{read_tensors, write_tensors};
