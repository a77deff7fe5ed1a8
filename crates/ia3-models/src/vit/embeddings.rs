use burn::module::{Module, Param};
use burn::nn::Dropout;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};

use super::config::ViTConfig;
use crate::layers::{dropout, normal};
use crate::patches::{embed_patches, projection};

/// The projection of patches.
#[derive(Module, Debug)]
pub struct ViTPatchEmbeddings {
    /// `[d, channels, patch height, patch width]`
    pub projection: Conv2d,
}

/// The embeddings of an image: a token of its own and the patches, each with its position.
#[derive(Module, Debug)]
pub struct ViTEmbeddings {
    /// The token before the patches, `[1, 1, d]`.
    pub cls_token: Param<Tensor<3>>,
    /// The embeddings of positions, `[1, 1 + patches, d]`.
    pub position_embeddings: Param<Tensor<3>>,
    /// The patches.
    pub patch_embeddings: ViTPatchEmbeddings,
    /// The dropout on the sum.
    pub dropout: Dropout,
    #[module(skip)]
    float32_states: bool,
}

impl ViTEmbeddings {
    pub(super) fn new(config: &ViTConfig, device: &Device) -> Self {
        let (d, std) = (config.hidden_size, config.initializer_range);
        let table = |rows: usize| normal(std).init([1, rows, d], device);
        let projection = projection(config.num_channels, config.patch_size, d, true, std, device);
        Self {
            cls_token: table(1),
            position_embeddings: table(1 + config.patches()),
            patch_embeddings: ViTPatchEmbeddings { projection },
            dropout: dropout(config.hidden_dropout_prob),
            float32_states: config.float32_states,
        }
    }

    /// Embeds images `[batch, channels, height, width]`. The result is `[batch, 1 + patches, d]`.
    pub(super) fn forward(&self, pixels: Tensor<4>) -> Tensor<3> {
        let patches = embed_patches(&self.patch_embeddings.projection, pixels, self.float32_states);
        let ([batch, _, d], dtype) = (patches.dims(), patches.dtype());
        let first = self.cls_token.val().cast(dtype).expand([batch, 1, d]);
        let tokens = Tensor::cat(vec![first, patches], 1);
        self.dropout.forward(tokens + self.position_embeddings.val().cast(dtype))
    }
}
