//! Rotary position embeddings (arXiv 2104.09864).

mod frequencies;
mod llama3;
mod parameters;
mod rotation;
mod scaling;
mod yarn;

pub use frequencies::RotaryFrequencies;
pub(crate) use parameters::Beside;
pub use parameters::RopeParameters;
pub(crate) use rotation::{Pairs, Rotation};
