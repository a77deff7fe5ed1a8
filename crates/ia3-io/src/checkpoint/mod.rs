//! Hugging Face checkpoints into and out of burn modules.

mod candidates;
mod collect;
mod error;
mod fill;
mod folder;
mod index;
mod load;
mod load_options;
mod load_report;
mod matching;
mod open;
mod packed;
mod param_spec;
mod problems;
mod quantization_config;
mod quantization_fields;
mod quantized;
mod save;
mod save_options;
mod shards;
mod sidecars;
mod stored_tensors;

pub use error::CheckpointError;
pub use load_options::LoadOptions;
pub use load_report::LoadReport;
pub use open::{Checkpoint, TensorFacts};
pub use packed::merge::{PackedMergeError, PackedModel, merge_packed};
pub use problems::{BadDtype, MisShaped};
pub use save::{SavedCheckpoint, save_checkpoint, save_checkpoint_with, write_checkpoint};
pub use save_options::CheckpointOptions;
pub use sidecars::{add_sidecars, copy_sidecars};
