//! The adapters that requests may name, and those of them that are in memory.

mod catalog;
mod claim;
mod loader;
mod mix_name;
mod origin;
mod recipe;
mod residents;
mod sources;

pub(crate) use catalog::Catalog;
pub(crate) use claim::Claim;
pub(crate) use loader::Wake;
pub(crate) use residents::{Acquired, Place, Residents};
pub use sources::AdapterSources;
