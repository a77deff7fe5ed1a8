#![doc = include_str!("../README.md")]
#![warn(missing_docs)]
#![forbid(unsafe_code)]

pub mod adapter;
pub mod checkpoint;
pub mod fs;
pub mod gguf;
mod kept;
mod layout;
mod missing;
pub mod safetensors;
pub mod text;

pub use ::safetensors::Dtype;
pub use adapter::{
    AdapterDiff, AdapterFile, AdapterFileError, AdapterOptions, AdapterReport, BASE_NAME, FieldDiff,
    FileVector, ShapeDiff, SiteDiff, VectorDistance, VectorStats, check_adapter_name, check_finite,
    load_adapter, model_card, named_adapters, save_adapter, save_adapter_with, save_adapters,
    save_adapters_with, state_dict, statistics, write_adapter,
};
pub use checkpoint::{
    BadDtype, Checkpoint, CheckpointError, CheckpointOptions, LoadOptions, LoadReport, MisShaped,
    PackedMergeError, PackedModel, SavedCheckpoint, TensorFacts, add_sidecars, copy_sidecars, merge_packed,
    save_checkpoint, save_checkpoint_with, write_checkpoint,
};
pub use fs::{
    Cleanup, FileError, FileKind, FolderWrite, Leftover, OutputFolder, WrittenFiles, is_stdout, prepare_file,
    write_file, write_file_with,
};
pub use gguf::{GgufFileError, merge_gguf};
pub use missing::Missing;
pub use safetensors::{SafetensorsError, read_tensors, write_tensors};
