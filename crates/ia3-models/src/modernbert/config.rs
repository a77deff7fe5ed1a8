use burn::tensor::Device;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::activation::Activation;
use crate::config_field::{
    expect, expect_divides, expect_dropout, expect_layers, expect_positive, expect_sizes, read,
};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::fused_heads::FusedHeads;
use crate::layer_types::windows_of;
use crate::norm::LayerNorm;
use crate::rotary::{Beside, RopeParameters, RotaryFrequencies, fields_by_layer_type};
use crate::shape::{HasShape, Shape};

/// ModernBERT's `config.json` (Hugging Face's `ModernBertConfig`), with its defaults.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct ModernBertConfig {
    /// The size of the vocabulary, which is the number of rows of the embedding of tokens.
    pub vocab_size: usize,
    /// The width of the hidden states.
    pub hidden_size: usize,
    /// The width of a head, which has to be `hidden_size / num_attention_heads`.
    pub head_dim: Option<usize>,
    /// The width of the feed-forward layer after its gate.
    pub intermediate_size: usize,
    /// The number of blocks.
    pub num_hidden_layers: usize,
    /// The number of attention heads.
    pub num_attention_heads: usize,
    /// The activation of the gate.
    pub hidden_activation: Activation,
    /// The number of positions that the model was trained on, which some rotary embeddings use.
    pub max_position_embeddings: usize,
    /// The standard deviation of freshly initialised weights.
    pub initializer_range: f64,
    /// The epsilon of the norms.
    pub norm_eps: f64,
    /// Whether the norms have biases.
    pub norm_bias: bool,
    /// The id of the padding token.
    pub pad_token_id: Option<i64>,
    /// Whether the layers of the attention have biases.
    pub attention_bias: bool,
    /// The dropout on the attention weights and on the output of the attention, in training.
    pub attention_dropout: f64,
    /// `full_attention` or `sliding_attention` for each layer.
    pub layer_types: Option<Vec<String>>,
    /// Where `layer_types` is absent, every layer whose number this divides has no window.
    pub global_attn_every_n_layers: usize,
    /// The width of the window: half of it, rounded down, is how far a token sees to each side.
    pub local_attention: usize,
    /// How far a token sees to each side in a layer with a window; it replaces `local_attention`.
    pub sliding_window: Option<usize>,
    /// The rotary embeddings of `full_attention` and `sliding_attention`.
    pub rope_parameters: Option<Map<String, Value>>,
    /// Fields that are added to those of both kinds of layers.
    pub rope_scaling: Option<Map<String, Value>>,
    /// The base of the wavelengths in layers without a window, where `rope_parameters` has none.
    pub global_rope_theta: Option<f64>,
    /// The base of the wavelengths in layers with a window, where `rope_parameters` has none.
    pub local_rope_theta: Option<f64>,
    /// The dropout on the embeddings.
    pub embedding_dropout: f64,
    /// Whether the feed-forward layers have biases.
    pub mlp_bias: bool,
    /// The dropout inside the feed-forward layers.
    pub mlp_dropout: f64,
    /// Whether the decoder of a masked language model has a bias.
    pub decoder_bias: bool,
    /// What a classifier of sequences reads.
    pub classifier_pooling: ClassifierPooling,
    /// The dropout before the classifier.
    pub classifier_dropout: f64,
    /// Whether the first layer of a head has a bias.
    pub classifier_bias: bool,
    /// The activation of a head.
    pub classifier_activation: Activation,
    /// Whether the decoder of a masked language model is the embedding of tokens.
    pub tie_word_embeddings: bool,
    /// The head.
    #[serde(skip)]
    pub head: HeadConfig,
    /// Whether the states are float32 where the weights are in half precision; see
    /// [`ModelConfig::with_float32_states`](crate::ModelConfig::with_float32_states).
    #[serde(skip)]
    pub float32_states: bool,
}

/// What a classifier of sequences reads (`classifier_pooling`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClassifierPooling {
    /// The first token.
    Cls,
    /// The mean of the real tokens.
    Mean,
}

impl Default for ModernBertConfig {
    fn default() -> Self {
        Self {
            vocab_size: 50_368,
            hidden_size: 768,
            head_dim: None,
            intermediate_size: 1152,
            num_hidden_layers: 22,
            num_attention_heads: 12,
            hidden_activation: Activation::Gelu,
            max_position_embeddings: 8192,
            initializer_range: 0.02,
            norm_eps: 1e-5,
            norm_bias: false,
            pad_token_id: Some(50_283),
            attention_bias: false,
            attention_dropout: 0.0,
            layer_types: None,
            global_attn_every_n_layers: 3,
            local_attention: 128,
            sliding_window: None,
            rope_parameters: None,
            rope_scaling: None,
            global_rope_theta: None,
            local_rope_theta: None,
            embedding_dropout: 0.0,
            mlp_bias: false,
            mlp_dropout: 0.0,
            decoder_bias: true,
            classifier_pooling: ClassifierPooling::Cls,
            classifier_dropout: 0.0,
            classifier_bias: false,
            classifier_activation: Activation::Gelu,
            tie_word_embeddings: true,
            head: HeadConfig::default(),
            float32_states: false,
        }
    }
}

impl ModernBertConfig {
    /// Reads Hugging Face's `config.json`. A field that is absent has its default.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let config: Self = read(text, "modernbert", &[])?;
        let config = Self { head: HeadConfig::read(text, "modernbert")?, ..config };
        config.check()?;
        Ok(config)
    }

    /// The id of the padding token, or 0 if it is null.
    pub fn pad_token_id(&self) -> i64 {
        self.pad_token_id.unwrap_or(0)
    }

    /// Queries, keys and values in the output of the fused projection.
    pub(super) fn heads(&self) -> FusedHeads {
        let heads = self.num_attention_heads;
        FusedHeads::in_order(heads, heads, self.hidden_size / heads)
    }

    /// How far a token sees to each side, for each layer with a window.
    pub(super) fn windows(&self) -> Result<Vec<Option<usize>>, ModelError> {
        let every = self.global_attn_every_n_layers;
        expect(every > 0, "global_attn_every_n_layers", every, "at least 1 layer")?;
        let of_layer =
            |i: usize| if i.is_multiple_of(every) { "full_attention" } else { "sliding_attention" };
        let by_pattern = || (0..self.num_hidden_layers).map(|i| of_layer(i).to_string()).collect();
        let types = self.layer_types.clone().unwrap_or_else(by_pattern);
        windows_of(
            &types,
            self.num_hidden_layers,
            Some(self.sliding_window.unwrap_or(self.local_attention / 2)),
        )
    }

    /// The angles of rotary positions in layers without and with a window
    /// (`ModernBertConfig.convert_rope_params_to_dict`).
    pub(super) fn frequencies(&self) -> Result<[RotaryFrequencies; 2], ModelError> {
        let [full, sliding] = fields_by_layer_type(self.rope_parameters.as_ref());
        let of = |fields: Map<String, Value>, theta: f64| {
            let fields = fields.into_iter().chain(self.rope_scaling.clone().unwrap_or_default()).collect();
            let longest = self.max_position_embeddings;
            let beside =
                Beside { rope_theta: Some(theta), max_position_embeddings: longest, ..Beside::default() };
            let rope = RopeParameters::resolve(
                None,
                Some(RopeParameters::from_fields(fields, "modernbert")?),
                beside,
            );
            rope.frequencies(self.hidden_size / self.num_attention_heads, longest)
        };
        let (global, local) = (self.global_rope_theta, self.local_rope_theta);
        Ok([of(full, global.unwrap_or(160_000.0))?, of(sliding, local.unwrap_or(10_000.0))?])
    }

    /// A norm with a bias if the configuration says so.
    pub(super) fn norm(&self, device: &Device) -> LayerNorm {
        match self.norm_bias {
            true => LayerNorm::new(self.hidden_size, self.norm_eps, device),
            false => LayerNorm::without_beta(self.hidden_size, self.norm_eps, device),
        }
    }

    fn check(&self) -> Result<(), ModelError> {
        expect_sizes([
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
        ])?;
        expect_layers("num_hidden_layers", self.num_hidden_layers)?;
        let heads = self.num_attention_heads;
        expect_divides("num_attention_heads", heads, self.hidden_size, "a divisor of `hidden_size`")?;
        let (d_head, own) = (self.hidden_size / heads, self.head_dim.filter(|d| *d > 0));
        expect(
            own.is_none_or(|own| own == d_head),
            "head_dim",
            own.unwrap_or(d_head),
            "`hidden_size / num_attention_heads`",
        )?;
        expect_positive("norm_eps", self.norm_eps)?;
        expect_dropout("attention_dropout", self.attention_dropout)?;
        expect_dropout("embedding_dropout", self.embedding_dropout)?;
        expect_dropout("mlp_dropout", self.mlp_dropout)?;
        expect_dropout("classifier_dropout", self.classifier_dropout)?;
        let mut names = self.rope_parameters.iter().flatten().map(|(name, _)| name.as_str());
        let other = names.find(|name| !["full_attention", "sliding_attention"].contains(name));
        let expected = "`full_attention` and `sliding_attention`";
        expect(other.is_none(), "rope_parameters", format!("`{}`", other.unwrap_or_default()), expected)?;
        self.windows()?;
        self.frequencies().map(|_| ())
    }
}

impl HasShape for ModernBertConfig {
    fn shape(&self) -> Shape {
        Shape::of_one_stack(self.num_hidden_layers, self.num_attention_heads, self.hidden_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> ModernBertConfig {
        ModernBertConfig::from_json(json).unwrap()
    }

    #[test]
    fn every_third_layer_sees_all_and_the_others_half_a_window() {
        let half = Some(64);
        assert_eq!(config(r#"{"num_hidden_layers": 4}"#).windows().unwrap(), [None, half, half, None]);
        let json = r#"{"num_hidden_layers": 2, "layer_types": ["sliding_attention", "full_attention"],
                       "local_attention": 5, "global_attn_every_n_layers": 2}"#;
        assert_eq!(config(json).windows().unwrap(), [Some(2), None]);
        let json = r#"{"num_hidden_layers": 2, "sliding_window": 7}"#;
        assert_eq!(config(json).windows().unwrap(), [None, Some(7)]);
    }

    #[test]
    fn layers_with_a_window_have_another_base() {
        let both = |json: &str| config(json).frequencies().unwrap().map(|f| f.of_length(1)[1]);
        let small = r#""hidden_size": 8, "num_attention_heads": 2"#;
        let near = |got: [f32; 2], expected: [f64; 2]| {
            got.iter().zip(expected).all(|(got, expected)| (f64::from(*got) / expected - 1.0).abs() < 1e-5)
        };
        assert!(near(both(&format!("{{{small}}}")), [1.0 / 400.0, 0.01]));
        let old = format!(r#"{{{small}, "global_rope_theta": 10000, "local_rope_theta": 100.0}}"#);
        assert!(near(both(&old), [0.01, 0.1]));
        let new = format!(
            r#"{{{small}, "rope_parameters": {{"full_attention": {{"rope_type": "linear", "factor": 2.0, "rope_theta": 100}},
                "sliding_attention": {{"rope_theta": 10000.0}}}}, "local_rope_theta": 100.0}}"#
        );
        assert!(near(both(&new), [0.05, 0.01]));
    }

    #[test]
    fn impossible_values_are_named() {
        let error = |json: &str| ModernBertConfig::from_json(json).unwrap_err().to_string();
        let zero = error(r#"{"global_attn_every_n_layers": 0}"#);
        assert_eq!(zero, "`global_attn_every_n_layers` is 0 in config.json, expected at least 1 layer");
        let flat = error(r#"{"rope_parameters": {"rope_theta": 5.0}}"#);
        let expected = "`rope_parameters` is `rope_theta` in config.json, expected `full_attention` and `sliding_attention`";
        assert_eq!(flat, expected);
    }
}
