use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::attention::BertAttention;
use super::config::BertConfig;
use super::intermediate::BertIntermediate;
use super::output::BertOutput;

/// A block: the attention and the feed-forward layer, each with its residual and followed by a norm.
#[derive(Module, Debug)]
pub struct BertLayer {
    /// The attention.
    pub attention: BertAttention,
    /// The first half of the feed-forward layer.
    pub intermediate: BertIntermediate,
    /// The second half of the feed-forward layer.
    pub output: BertOutput,
}

impl BertLayer {
    pub(crate) fn new(config: &BertConfig, device: &Device) -> Self {
        let (d, inner, std) = (config.hidden_size, config.intermediate_size, config.initializer_range);
        let shares = [std, config.layer_norm_eps, config.hidden_dropout_prob];
        Self {
            attention: BertAttention::new(config, device),
            intermediate: BertIntermediate::new([d, inner], config.hidden_act, std, device),
            output: BertOutput::new([inner, d], shares, device),
        }
    }

    /// Computes the layer for `x` of shape `[batch, seq, d]`. The result has the same shape.
    pub(crate) fn forward(&self, x: Tensor<3>, bias: Option<Tensor<4>>) -> Tensor<3> {
        let x = self.attention.forward(x, bias);
        self.output.forward(self.intermediate.forward(x.clone()), x)
    }
}
