use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::attention::LlamaAttention;
use super::config::{BlockNorms, LlamaConfig};
use super::experts::MixtralSparseMoeBlock;
use super::feed_forward::FeedForward;
use crate::cache::KvCache;
use crate::norm::RmsNorm;
use crate::rotary::Rotation;

/// A block: `x + self_attn(input_layernorm(x))`, then `x + mlp(post_attention_layernorm(x))`.
///
/// In OLMo 2 it is `x + post_attention_layernorm(self_attn(x))`, then `x + post_feedforward_layernorm(mlp(x))`. Gemma 2 and 3
/// have a norm before and a norm after each of the two layers, and the norm before the feed-forward layer is
/// `pre_feedforward_layernorm`.
#[derive(Module, Debug)]
pub struct LlamaDecoderLayer {
    /// The attention.
    pub self_attn: LlamaAttention,
    /// The feed-forward layer; Mixtral has another one.
    pub mlp: Option<FeedForward>,
    /// The feed-forward layer of Mixtral.
    pub block_sparse_moe: Option<MixtralSparseMoeBlock>,
    /// The RMS norm before the attention. OLMo 2 has none.
    pub input_layernorm: Option<RmsNorm>,
    /// The RMS norm before the feed-forward layer; in OLMo 2 and in Gemma 2 and 3 the one after the attention.
    pub post_attention_layernorm: RmsNorm,
    /// The RMS norm before the feed-forward layer of Gemma 2 and 3.
    pub pre_feedforward_layernorm: Option<RmsNorm>,
    /// The RMS norm after the feed-forward layer, which OLMo 2 and Gemma 2 and 3 have.
    pub post_feedforward_layernorm: Option<RmsNorm>,
}

impl LlamaDecoderLayer {
    /// Block `layer`.
    pub(crate) fn new(config: &LlamaConfig, layer: usize, device: &Device) -> Self {
        let norm = || config.norm(config.hidden_size, device);
        let norms = config.block_norms;
        Self {
            self_attn: LlamaAttention::new(config, layer, device),
            mlp: FeedForward::new(config, layer, device),
            block_sparse_moe: MixtralSparseMoeBlock::of_layer(config, layer, device),
            input_layernorm: (norms != BlockNorms::After).then(norm),
            post_attention_layernorm: norm(),
            pre_feedforward_layernorm: (norms == BlockNorms::Around).then(norm),
            post_feedforward_layernorm: (norms != BlockNorms::Before).then(norm),
        }
    }

    pub(crate) fn forward(
        &self,
        x: Tensor<3>,
        rotation: &Rotation,
        bias: Tensor<4>,
        cache: Option<&mut KvCache>,
    ) -> Tensor<3> {
        let [before_attention, after_attention, before_mlp, after_mlp] = self.norms();
        let h = self.self_attn.forward(normed(before_attention, x.clone()), rotation, bias, cache);
        let x = x + normed(after_attention, h);
        let h = normed(before_mlp, x.clone());
        let h = match (&self.mlp, &self.block_sparse_moe) {
            (Some(mlp), _) => mlp.forward(h),
            (None, Some(experts)) => experts.forward(h),
            (None, None) => h,
        };
        x + normed(after_mlp, h)
    }

    /// The norms before and after the attention, and before and after the feed-forward layer.
    fn norms(&self) -> [Option<&RmsNorm>; 4] {
        let middle = Some(&self.post_attention_layernorm);
        let before = self.input_layernorm.as_ref();
        match &self.post_feedforward_layernorm {
            None => [before, None, middle, None],
            Some(after) => [before, middle, self.pre_feedforward_layernorm.as_ref(), Some(after)],
        }
    }
}

fn normed(norm: Option<&RmsNorm>, x: Tensor<3>) -> Tensor<3> {
    match norm {
        Some(norm) => norm.forward(x),
        None => x,
    }
}
