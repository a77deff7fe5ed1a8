#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod activation;
mod architecture;
mod attention;
pub mod bart;
pub mod bert;
mod cache;
mod causal;
mod causal_methods;
mod config;
mod config_field;
pub mod cost;
mod decode;
mod decoder_memory;
mod error;
pub mod falcon;
mod fused_queries;
mod generate;
pub mod gpt2;
mod half;
mod inputs;
mod joined_rows;
mod layers;
pub mod llama;
mod log_likelihoods;
mod loss;
mod mask;
mod model;
mod norm;
mod output;
mod prompt;
mod rotary;
mod sample;
mod score;
mod seq2seq;
mod seq2seq_methods;
mod shape;
pub mod t5;
mod task;

pub use activation::Activation;
pub use config::ModelConfig;
pub use error::ModelError;
pub use generate::{Generated, GenerationConfig, Sampling, Step};
pub use inputs::{ModelInputs, PaddingSide};
pub use log_likelihoods::LogLikelihoods;
pub use loss::{IGNORE_INDEX, RowLosses, cross_entropy, label_log_likelihoods, row_losses};
pub use model::Model;
pub use norm::{LayerNorm, RmsNorm};
pub use output::ModelOutput;
pub use rotary::{RopeParameters, RotaryFrequencies};
pub use task::Task;
