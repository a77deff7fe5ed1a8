use serde::Deserialize;

use crate::config_field::{
    Spelling, expect, expect_divides, expect_dropout, expect_layers, expect_positive, expect_sizes, ids, read,
};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::fused_heads::FusedHeads;
use crate::shape::{HasShape, Shape};

/// The `config.json` of Bloom (Hugging Face's `BloomConfig`), with its defaults.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct BloomConfig {
    /// The size of the vocabulary, which is the number of rows of the embedding and of the head.
    pub vocab_size: usize,
    /// The width of the hidden states. The feed-forward layer has four times this width.
    pub hidden_size: usize,
    /// The number of blocks.
    pub n_layer: usize,
    /// The number of attention heads.
    pub n_head: usize,
    /// The epsilon of the norms.
    pub layer_norm_epsilon: f64,
    /// The standard deviation of freshly initialised weights.
    pub initializer_range: f64,
    /// Whether the output of a layer is added to its normalised input.
    pub apply_residual_connection_post_layernorm: bool,
    /// The dropout on the output of each layer, in training.
    pub hidden_dropout: f64,
    /// The dropout on the attention weights.
    pub attention_dropout: f64,
    /// The number of devices that the model was trained on.
    pub pretraining_tp: usize,
    /// Whether transformers sums the parts of those devices, which leaves biases out. It has to be `false` if there are several.
    pub slow_but_exact: bool,
    /// Whether the head is the embedding. A checkpoint that holds another `lm_head.weight` overrides this field.
    pub tie_word_embeddings: bool,
    /// The classifier of sequences, or `None` for a language model. `architectures` decides it.
    #[serde(skip)]
    pub head: Option<HeadConfig>,
    /// Whether the states are float32 where the weights are in half precision; see
    /// [`ModelConfig::with_float32_states`](crate::ModelConfig::with_float32_states).
    #[serde(skip)]
    pub float32_states: bool,
    /// The id of the padding token.
    pub pad_token_id: Option<i64>,
    /// The ids of the tokens that end a sequence.
    #[serde(deserialize_with = "ids")]
    pub eos_token_id: Vec<i64>,
}

const SPELLINGS: &[Spelling] = &[
    Spelling::Attribute("num_hidden_layers", "n_layer"),
    Spelling::Attribute("num_attention_heads", "n_head"),
    Spelling::Attribute("n_embed", "hidden_size"),
];

impl Default for BloomConfig {
    fn default() -> Self {
        Self {
            vocab_size: 250_880,
            hidden_size: 64,
            n_layer: 2,
            n_head: 8,
            layer_norm_epsilon: 1e-5,
            initializer_range: 0.02,
            apply_residual_connection_post_layernorm: false,
            hidden_dropout: 0.0,
            attention_dropout: 0.0,
            pretraining_tp: 1,
            slow_but_exact: false,
            tie_word_embeddings: true,
            head: None,
            float32_states: false,
            pad_token_id: None,
            eos_token_id: vec![2],
        }
    }
}

impl BloomConfig {
    /// The `model_type` of Hugging Face.
    pub(crate) fn hugging_face_type(&self) -> &str {
        "bloom"
    }

    /// Reads Hugging Face's `config.json`. A field that is absent has its default.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let config: Self = read(text, "bloom", SPELLINGS)?;
        config.check()?;
        Ok(Self { head: HeadConfig::of_decoder(text)?, ..config })
    }

    /// The order of the outputs of `query_key_value`.
    pub(crate) fn fused_heads(&self) -> FusedHeads {
        FusedHeads::by_head(self.n_head, self.hidden_size / self.n_head)
    }

    fn check(&self) -> Result<(), ModelError> {
        let inner = self.hidden_size.saturating_mul(4);
        expect_sizes([
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("hidden_size · 4", inner),
        ])?;
        expect_layers("n_layer", self.n_layer)?;
        expect_divides("n_head", self.n_head, self.hidden_size, "a divisor of `hidden_size`")?;
        let whole = !self.slow_but_exact || self.pretraining_tp <= 1;
        expect(whole, "slow_but_exact", true, "false if `pretraining_tp` is more than 1")?;
        expect_dropout("hidden_dropout", self.hidden_dropout)?;
        expect_dropout("attention_dropout", self.attention_dropout)?;
        expect_positive("layer_norm_epsilon", self.layer_norm_epsilon)
    }
}

impl HasShape for BloomConfig {
    fn shape(&self) -> Shape {
        Shape::of_one_stack(self.n_layer, self.n_head, self.hidden_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_names_are_read_and_sums_of_parts_are_refused() {
        let json =
            r#"{"n_embed": 112, "num_attention_heads": 14, "num_hidden_layers": 3, "slow_but_exact": true}"#;
        let config = BloomConfig::from_json(json).unwrap();
        assert_eq!((config.hidden_size, config.n_head, config.n_layer), (112, 14, 3));
        let error = BloomConfig::from_json(r#"{"pretraining_tp": 2, "slow_but_exact": true}"#).unwrap_err();
        let expected =
            "`slow_but_exact` is true in config.json, expected false if `pretraining_tp` is more than 1";
        assert_eq!(error.to_string(), expected);
    }
}
