//! Files and folders: reading with checks, and writing that leaves a file complete or absent.

mod atomic_write;
mod read_at;
mod write_file;

pub use atomic_write::{AtomicWrite, WrittenFiles};
pub use ia3_guard::{FileError, FileKind, Limit, file_names, open, read_head, read_text, wrong_kind};
pub(crate) use read_at::read_exact_at;
pub use write_file::{remove_leftovers, write_file};
