#![doc = include_str!("../README.md")]
#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod error;
mod escape;
mod file_kind;
mod first_few;
mod limit;
mod open;
mod panics;
mod pipe;
mod read;
mod read_at;
pub mod sha256;

pub use error::FileError;
pub use escape::{
    QUOTED, escape, escape_json, escape_lines, few, quote, quote_code, quote_debug, quote_error,
    quote_markdown, quote_path,
};
pub use file_kind::FileKind;
pub use first_few::{SHOWN, first_few};
pub use limit::Limit;
pub use open::{Source, open, open_source};
pub use panics::caught;
pub use read::{file_names, read_bytes, read_head, read_source, read_source_text, read_text, wrong_kind};
pub use read_at::read_exact_at;
