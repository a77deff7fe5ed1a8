use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Int, Tensor};

use super::config::EsmConfig;
use crate::error::ModelError;
use crate::rotary::Rotation;

/// The angles of rotary positions that a checkpoint holds. transformers uses them instead of those that it would compute.
#[derive(Module, Debug)]
pub struct EsmRotaryEmbedding {
    /// The angle per position of each pair of a head, `[d_head / 2]`.
    pub inv_freq: Param<Tensor<1>>,
}

impl EsmRotaryEmbedding {
    pub(super) fn new(config: &EsmConfig, device: &Device) -> Self {
        let pairs = config.hidden_size / config.num_attention_heads / 2;
        Self { inv_freq: Initializer::Zeros.init([pairs], device) }
    }
}

/// The rotation at `positions` `[batch or 1, seq]`, if the model has rotary positions.
pub(super) fn rotation(
    config: &EsmConfig,
    own: Option<&EsmRotaryEmbedding>,
    positions: Tensor<2, Int>,
) -> Result<Option<Rotation>, ModelError> {
    Ok(match own {
        _ if !config.is_rotary() => None,
        // A buffer in transformers: it is not trained.
        Some(own) => Some(Rotation::turning(positions, own.inv_freq.val().set_require_grad(false))),
        None => Some(Rotation::at(positions, &config.frequencies()?)),
    })
}
