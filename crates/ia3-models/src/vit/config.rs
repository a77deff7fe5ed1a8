use serde::Deserialize;

use crate::activation::Activation;
use crate::config_field::{expect, expect_dropout, expect_layers, expect_positive, expect_sizes, read};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::image::{ImageShape, check_patches, sides};
use crate::shape::{HasShape, Shape};

/// ViT's `config.json` (Hugging Face's `ViTConfig`), with its defaults.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct ViTConfig {
    /// The width of the hidden states.
    pub hidden_size: usize,
    /// The number of blocks.
    pub num_hidden_layers: usize,
    /// The number of attention heads.
    pub num_attention_heads: usize,
    /// The width of a head. If it is absent, it is `hidden_size / num_attention_heads`.
    pub head_dim: Option<usize>,
    /// The width of the feed-forward layer.
    pub intermediate_size: usize,
    /// The activation of the feed-forward layer.
    pub hidden_act: Activation,
    /// The dropout on the embeddings and on the output of each layer, in training.
    pub hidden_dropout_prob: f64,
    /// The dropout on the attention weights.
    pub attention_probs_dropout_prob: f64,
    /// The standard deviation of freshly initialised weights.
    pub initializer_range: f64,
    /// The epsilon of the norms.
    pub layer_norm_eps: f64,
    /// The height and the width of an image.
    #[serde(deserialize_with = "sides")]
    pub image_size: [usize; 2],
    /// The height and the width of a patch.
    #[serde(deserialize_with = "sides")]
    pub patch_size: [usize; 2],
    /// The number of channels of an image.
    pub num_channels: usize,
    /// Whether the projections to queries, keys and values have biases.
    pub qkv_bias: bool,
    /// The width of the pooler of a model without a head. If it is absent, it is `hidden_size`.
    pub pooler_output_size: Option<usize>,
    /// The activation of the pooler.
    pub pooler_act: Activation,
    /// The head.
    #[serde(skip)]
    pub head: HeadConfig,
    /// Whether the states are float32 where the weights are in half precision; see
    /// [`ModelConfig::with_float32_states`](crate::ModelConfig::with_float32_states).
    #[serde(skip)]
    pub float32_states: bool,
}

impl Default for ViTConfig {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            head_dim: None,
            intermediate_size: 3072,
            hidden_act: Activation::Gelu,
            hidden_dropout_prob: 0.0,
            attention_probs_dropout_prob: 0.0,
            initializer_range: 0.02,
            layer_norm_eps: 1e-12,
            image_size: [224; 2],
            patch_size: [16; 2],
            num_channels: 3,
            qkv_bias: true,
            pooler_output_size: None,
            pooler_act: Activation::Tanh,
            head: HeadConfig::default(),
            float32_states: false,
        }
    }
}

impl ViTConfig {
    /// Reads Hugging Face's `config.json`. A field that is absent has its default.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let config: Self = read(text, "vit", &[])?;
        let config = Self { head: HeadConfig::of_images(text, "vit")?, ..config };
        config.check()?;
        Ok(config)
    }

    /// The shape of the images.
    pub fn image(&self) -> ImageShape {
        let [height, width] = self.image_size;
        ImageShape { channels: self.num_channels, height, width, tokens: 1 + self.patches() }
    }

    /// The width of the queries, keys and values of all heads.
    pub(super) fn attention_width(&self) -> usize {
        self.num_attention_heads * self.head_width()
    }

    /// The number of patches of an image.
    pub(super) fn patches(&self) -> usize {
        let ([height, width], [rows, columns]) = (self.image_size, self.patch_size);
        (height / rows) * (width / columns)
    }

    /// The width of the pooler.
    pub(super) fn pooler_width(&self) -> usize {
        self.pooler_output_size.filter(|size| *size > 0).unwrap_or(self.hidden_size)
    }

    fn head_width(&self) -> usize {
        self.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads.max(1))
    }

    fn check(&self) -> Result<(), ModelError> {
        expect_sizes([
            ("hidden_size", self.hidden_size),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("num_channels", self.num_channels),
            ("pooler_output_size", self.pooler_width()),
        ])?;
        let width = self.num_attention_heads.checked_mul(self.head_width());
        let fits = width.is_some_and(|width| (1..=1 << 21).contains(&width));
        expect(
            fits,
            "head_dim",
            self.head_width(),
            "a positive width that heads of the hidden states may have",
        )?;
        check_patches(self.num_channels, self.image_size, self.patch_size)?;
        expect_layers("num_hidden_layers", self.num_hidden_layers)?;
        expect_dropout("hidden_dropout_prob", self.hidden_dropout_prob)?;
        expect_dropout("attention_probs_dropout_prob", self.attention_probs_dropout_prob)?;
        expect_positive("layer_norm_eps", self.layer_norm_eps)
    }
}

impl HasShape for ViTConfig {
    fn activation(&self) -> Option<Activation> {
        Some(self.hidden_act)
    }

    fn shape(&self) -> Shape {
        Shape::of_one_stack(self.num_hidden_layers, self.num_attention_heads, self.attention_width())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Task;

    #[test]
    fn sizes_are_one_number_or_two() {
        let read = |json: &str| ViTConfig::from_json(json);
        let square = read(r#"{"image_size": 384, "patch_size": 32}"#).unwrap();
        assert_eq!((square.image_size, square.patches()), ([384; 2], 144));
        let wide = read(r#"{"image_size": [9, 16], "patch_size": [3, 4]}"#).unwrap();
        let shape = ImageShape { channels: 3, height: 9, width: 16, tokens: 13 };
        assert_eq!((wide.image(), wide.patches()), (shape, 12));
        let three = read(r#"{"image_size": [9, 16, 3]}"#).unwrap_err().to_string();
        assert!(three.contains("`image_size`: expected a number, or two for height and width"), "{three}");
        let small = read(r#"{"image_size": 8}"#).unwrap_err().to_string();
        assert_eq!(small, "`image_size` is [8, 8] in config.json, expected 1 to 2097151 patches");
    }

    #[test]
    fn the_architecture_names_a_classifier_or_the_model_alone() {
        let task = |name: &str| {
            let json = format!(r#"{{"architectures": ["{name}"]}}"#);
            ViTConfig::from_json(&json).unwrap().head.task
        };
        assert_eq!(task("ViTForImageClassification"), Task::SequenceClassification);
        assert_eq!(task("ViTModel"), Task::FeatureExtraction);
        assert_eq!(task("ViTForMaskedImageModeling"), Task::SequenceClassification);
    }
}
