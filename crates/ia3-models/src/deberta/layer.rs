use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::attention::DebertaSelfAttention;
use super::config::{DebertaConfig, PositionScores};
use super::distances::Distances;
use crate::bert::{BertIntermediate, BertOutput};

/// Attention with its residual and a norm.
#[derive(Module, Debug)]
pub struct DebertaAttention {
    /// The attention, which is named `self` in Hugging Face. `self` is a keyword of Rust.
    pub self_: DebertaSelfAttention,
    /// The output.
    pub output: BertOutput,
}

/// A block: the attention and the feed-forward layer, each with its residual and followed by a norm.
#[derive(Module, Debug)]
pub struct DebertaLayer {
    /// The attention.
    pub attention: DebertaAttention,
    /// The first half of the feed-forward layer.
    pub intermediate: BertIntermediate,
    /// The second half of the feed-forward layer.
    pub output: BertOutput,
}

impl DebertaLayer {
    pub(super) fn new(config: &DebertaConfig, device: &Device) -> Self {
        let (d, inner, std) = (config.hidden_size, config.intermediate_size, config.initializer_range);
        let output = |d_in| {
            BertOutput::new([d_in, d], [std, config.layer_norm_eps, config.hidden_dropout_prob], device)
        };
        Self {
            attention: DebertaAttention {
                self_: DebertaSelfAttention::new(config, device),
                output: output(d),
            },
            intermediate: BertIntermediate::new([d, inner], config.hidden_act, std, device),
            output: output(inner),
        }
    }

    /// Computes the block for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(super) fn forward(
        &self,
        x: Tensor<3>,
        mask: Option<Tensor<4>>,
        distances: Option<(&PositionScores, &Distances)>,
    ) -> Tensor<3> {
        let context = self.attention.self_.forward(x.clone(), mask, distances);
        let x = self.attention.output.forward(context, x);
        self.output.forward(self.intermediate.forward(x.clone()), x)
    }
}
