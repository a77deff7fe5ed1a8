#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod activation;
mod attention;
mod cache;
mod error;
mod generate;
mod inputs;
mod loss;
mod mask;
mod model;
mod output;
pub mod t5;

pub use activation::Activation;
pub use error::ModelError;
pub use generate::{Generated, GenerationConfig, Step};
pub use inputs::ModelInputs;
pub use loss::{IGNORE_INDEX, cross_entropy};
pub use model::{Model, ModelConfig};
pub use output::ModelOutput;
