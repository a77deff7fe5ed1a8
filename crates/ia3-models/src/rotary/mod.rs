//! Rotary position embeddings (arXiv 2104.09864).

mod by_layer_type;
mod frequencies;
mod llama3;
mod parameters;
mod rotation;
mod scaling;
mod yarn;

pub(crate) use by_layer_type::fields_by_layer_type;
pub use frequencies::RotaryFrequencies;
pub(crate) use parameters::Beside;
pub use parameters::RopeParameters;
pub(crate) use rotation::{Pairs, Rotation};
