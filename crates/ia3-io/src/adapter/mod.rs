//! PEFT's adapter folders: reading, fitting to a model, writing, comparing.

mod advice;
mod bin;
mod card;
mod diff;
mod distance;
mod error;
mod file;
mod file_save;
mod finite;
mod folder_write;
mod infer_model;
mod keys;
mod load;
mod modules_to_save;
mod named;
mod placements;
mod report;
mod save;
mod save_options;
mod state_dict;
mod stats;

pub use bin::BIN;
pub use diff::{AdapterDiff, FieldDiff, ShapeDiff, SiteDiff};
pub use distance::VectorDistance;
pub use error::AdapterFileError;
pub use file::{AdapterFile, CONFIG, FileVector, WEIGHTS, read_config};
pub use finite::check_finite;
pub use infer_model::infer_model;
pub use load::load_adapter;
pub use named::{BASE_NAME, check_adapter_name, named_adapters};
pub use report::AdapterReport;
pub use save::{
    model_card, save_adapter, save_adapter_with, save_adapters, save_adapters_with, write_adapter,
};
pub use save_options::AdapterOptions;
pub use state_dict::state_dict;
pub use stats::{VectorStats, statistics};
