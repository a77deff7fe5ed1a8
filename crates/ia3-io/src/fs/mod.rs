//! Files and folders: reading with checks, and writing that leaves a file or folder as it was before or as it should be.

mod error;
mod exchange;
mod file_kind;
mod folder_write;
mod hidden;
mod in_place;
mod leftovers;
mod lock_file;
mod output_folder;
mod read;
mod read_at;
mod target;
mod write_file;

pub use error::FileError;
pub use file_kind::FileKind;
pub use folder_write::{FolderWrite, WrittenFiles};
pub(crate) use hidden::is_hidden_folder;
pub use leftovers::Leftover;
pub use output_folder::OutputFolder;
pub use read::{file_names, open, read_head, read_text, wrong_kind};
pub(crate) use read_at::read_exact_at;
pub use write_file::{is_stdout, prepare_file, write_file, write_file_with};
