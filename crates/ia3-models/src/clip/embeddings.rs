use burn::module::{Module, Param};
use burn::nn::Embedding;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Int, Tensor};

use super::config::ClipConfig;
use crate::layers::{embedding, normal, states};
use crate::patches::{embed_patches, projection};

/// The embeddings of an image: a token of its own and the patches, each with its position.
#[derive(Module, Debug)]
pub struct ClipVisionEmbeddings {
    /// The token before the patches, `[d]`.
    pub class_embedding: Param<Tensor<1>>,
    /// The projection of patches, `[d, channels, patch height, patch width]`.
    pub patch_embedding: Conv2d,
    /// The embeddings of positions, `[1 + patches, d]`.
    pub position_embedding: Embedding,
    #[module(skip)]
    float32_states: bool,
}

impl ClipVisionEmbeddings {
    pub(super) fn new(config: &ClipConfig, device: &Device) -> Self {
        let (d, std) = (config.hidden_size, config.initializer_range);
        let patch = [config.patch_size; 2];
        Self {
            class_embedding: normal(std).init([d], device),
            patch_embedding: projection(config.num_channels, patch, d, false, std, device),
            position_embedding: embedding(1 + config.patches(), d, std, device),
            float32_states: config.float32_states,
        }
    }

    /// Embeds images `[batch, channels, height, width]`. The result is `[batch, 1 + patches, d]`.
    pub(super) fn forward(&self, pixels: Tensor<4>) -> Tensor<3> {
        let patches = embed_patches(&self.patch_embedding, pixels, self.float32_states);
        let ([batch, seq, d], dtype) = (patches.dims(), patches.dtype());
        let first = self.class_embedding.val().cast(dtype).reshape([1, 1, d]).expand([batch, 1, d]);
        let positions = Tensor::<1, Int>::arange(0..1 + seq as i64, &patches.device()).unsqueeze();
        let positions = states(&self.position_embedding, positions, self.float32_states);
        Tensor::cat(vec![first, patches], 1) + positions
    }
}
