//! The adapters in a folder, and those of them that are in memory.

mod catalog;
mod claim;
mod loader;
mod mix_name;
mod recipe;
mod residents;

pub(crate) use catalog::Catalog;
pub(crate) use claim::Claim;
pub(crate) use loader::Wake;
pub(crate) use residents::{Acquired, Place, Residents};
