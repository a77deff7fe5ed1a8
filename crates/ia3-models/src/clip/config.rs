use serde::Deserialize;

use crate::activation::Activation;
use crate::config_field::{
    expect_divides, expect_dropout, expect_layers, expect_positive, expect_sizes, read,
};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::image::{ImageShape, check_patches};
use crate::shape::{HasShape, Shape};
use crate::task::Task;

/// The `vision_config` in CLIP's `config.json`, or the `config.json` of the tower alone (Hugging Face's `CLIPVisionConfig`),
/// with its defaults.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct ClipConfig {
    /// `clip` or `clip_vision_model`. The latter has no head.
    #[serde(skip)]
    pub model_type: String,
    /// The width of the hidden states.
    pub hidden_size: usize,
    /// The width of the feed-forward layer.
    pub intermediate_size: usize,
    /// The number of blocks.
    pub num_hidden_layers: usize,
    /// The number of attention heads.
    pub num_attention_heads: usize,
    /// The number of channels of an image.
    pub num_channels: usize,
    /// The height and the width of an image.
    pub image_size: usize,
    /// The height and the width of a patch.
    pub patch_size: usize,
    /// The activation of the feed-forward layer.
    pub hidden_act: Activation,
    /// The epsilon of the norms.
    pub layer_norm_eps: f64,
    /// The dropout on the attention weights.
    pub attention_dropout: f64,
    /// The standard deviation of freshly initialised weights.
    pub initializer_range: f64,
    /// The head.
    #[serde(skip)]
    pub head: HeadConfig,
    /// Whether the states are float32 where the weights are in half precision; see
    /// [`ModelConfig::with_float32_states`](crate::ModelConfig::with_float32_states).
    #[serde(skip)]
    pub float32_states: bool,
}

impl Default for ClipConfig {
    fn default() -> Self {
        Self {
            model_type: "clip".into(),
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            num_channels: 3,
            image_size: 224,
            patch_size: 32,
            hidden_act: Activation::QuickGelu,
            layer_norm_eps: 1e-5,
            attention_dropout: 0.0,
            initializer_range: 0.02,
            head: HeadConfig::default(),
            float32_states: false,
        }
    }
}

/// The fields of `config.json` around those of the tower. Where the older `vision_config_dict` is there too, it counts.
#[derive(Deserialize)]
struct Whole {
    model_type: Option<String>,
    vision_config: Option<ClipConfig>,
    vision_config_dict: Option<ClipConfig>,
}

impl ClipConfig {
    /// Reads Hugging Face's `config.json`. A field that is absent has its default.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let whole: Whole = read(text, "clip", &[])?;
        let model_type = whole.model_type.unwrap_or_else(|| "clip".into());
        let config = match model_type.as_str() {
            "clip_vision_model" => read(text, &model_type, &[])?,
            _ => whole.vision_config_dict.or(whole.vision_config).unwrap_or_default(),
        };
        let mut head = HeadConfig::of_images(text, &model_type)?;
        if model_type == "clip_vision_model" {
            head.set_task(Task::FeatureExtraction);
        }
        let config = Self { head, model_type, ..config };
        config.check()?;
        Ok(config)
    }

    /// The shape of the images.
    pub fn image(&self) -> ImageShape {
        let (channels, side) = (self.num_channels, self.image_size);
        ImageShape { channels, height: side, width: side, tokens: 1 + self.patches() }
    }

    /// The number of patches of an image.
    pub(super) fn patches(&self) -> usize {
        (self.image_size / self.patch_size).pow(2)
    }

    fn check(&self) -> Result<(), ModelError> {
        expect_sizes([
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_channels", self.num_channels),
        ])?;
        expect_layers("num_hidden_layers", self.num_hidden_layers)?;
        let heads = self.num_attention_heads;
        expect_divides("num_attention_heads", heads, self.hidden_size, "a divisor of `hidden_size`")?;
        check_patches(self.num_channels, [self.image_size; 2], [self.patch_size; 2])?;
        expect_dropout("attention_dropout", self.attention_dropout)?;
        expect_positive("layer_norm_eps", self.layer_norm_eps)
    }
}

impl HasShape for ClipConfig {
    fn activation(&self) -> Option<Activation> {
        Some(self.hidden_act)
    }

    fn shape(&self) -> Shape {
        Shape::of_one_stack(self.num_hidden_layers, self.num_attention_heads, self.hidden_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tower_is_a_part_of_the_configuration_or_all_of_it() {
        let read = |json: &str| ClipConfig::from_json(json).unwrap();
        let part = read(r#"{"model_type": "clip", "vision_config": {"hidden_size": 24}, "num_labels": 5}"#);
        assert_eq!((part.hidden_size, part.patches(), part.head.count()), (24, 49, 5));
        assert_eq!(part.head.task, Task::SequenceClassification);
        let old = r#"{"vision_config": {"hidden_size": 24}, "vision_config_dict": {"patch_size": 16}}"#;
        assert_eq!((read(old).hidden_size, read(old).patches()), (768, 196));
        let all = read(r#"{"model_type": "clip_vision_model", "hidden_size": 24}"#);
        assert_eq!((all.hidden_size, all.head.task), (24, Task::FeatureExtraction));
    }

    #[test]
    fn a_wrong_field_is_named_with_its_place() {
        let read = |json: &str| ClipConfig::from_json(json).unwrap_err().to_string();
        let sides = read(r#"{"vision_config": {"image_size": [8, 16]}}"#);
        assert!(sides.contains("`vision_config.image_size`: "), "{sides}");
        let heads = read(r#"{"vision_config": {"num_attention_heads": 5}}"#);
        assert_eq!(heads, "`num_attention_heads` is 5 in config.json, expected a divisor of `hidden_size`");
    }
}
