//! The adapters in a folder, and those of them that are in memory.

mod catalog;
mod mix_name;
mod residents;

pub(crate) use catalog::Catalog;
pub(crate) use residents::{Acquired, Place, Residents};
