//! The folder of AdapterHub's library `adapters`.

mod config;
mod folder;

pub(crate) use folder::{check_folder, is_part, read, write};
