//! Files and folders: reading with checks, and writing that leaves a file or folder as it was before or as it should be.

mod exchange;
mod folder_write;
mod hidden;
mod in_place;
mod leftovers;
mod lock_file;
mod output_folder;
mod target;
mod write_file;

pub use folder_write::{FolderWrite, WrittenFiles};
pub(crate) use hidden::is_hidden_folder;
pub use hidden::{UNFINISHED, is_commit};
pub(crate) use ia3_guard::read_exact_at;
pub use ia3_guard::{FileError, FileKind, Limit, file_names, open, read_head, read_text, wrong_kind};
pub use leftovers::Leftover;
pub use output_folder::{Cleanup, OutputFolder};
pub use write_file::{is_stdout, prepare_file, write_file, write_file_with};
