//! One file per reader.

pub mod config;
pub mod gguf;
pub mod json_lines;
pub mod regex;
pub mod sound;
pub mod template;
pub mod templates_yaml;
pub mod tokenizer;
pub mod tokenizer_files;

#[cfg(feature = "burn")]
pub mod adapter;
#[cfg(feature = "burn")]
pub mod adapterhub;
#[cfg(feature = "burn")]
pub mod index;
#[cfg(feature = "burn")]
pub mod model_config;
#[cfg(feature = "burn")]
pub mod packed;
#[cfg(feature = "burn")]
pub mod pickle;
#[cfg(feature = "burn")]
pub mod safetensors;
#[cfg(feature = "burn")]
pub mod tfew;
#[cfg(feature = "burn")]
pub mod training_state;

#[cfg(feature = "burn")]
mod convert;
#[cfg(feature = "burn")]
mod torch;

use crate::target::Target;

/// All targets, the cheapest first.
pub const TARGETS: &[Target] = &[
    regex::TARGET,
    config::TARGET,
    json_lines::TARGET,
    template::TARGET,
    templates_yaml::TARGET,
    tokenizer::TARGET,
    tokenizer_files::TARGET,
    sound::TARGET,
    gguf::TARGET,
    #[cfg(feature = "burn")]
    safetensors::TARGET,
    #[cfg(feature = "burn")]
    index::TARGET,
    #[cfg(feature = "burn")]
    packed::TARGET,
    #[cfg(feature = "burn")]
    adapter::TARGET,
    #[cfg(feature = "burn")]
    pickle::TARGET,
    #[cfg(feature = "burn")]
    tfew::TARGET,
    #[cfg(feature = "burn")]
    adapterhub::TARGET,
    #[cfg(feature = "burn")]
    model_config::TARGET,
    #[cfg(feature = "burn")]
    training_state::TARGET,
];
