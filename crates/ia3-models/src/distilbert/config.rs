use serde::Deserialize;

use crate::activation::Activation;
use crate::config_field::{Spelling, expect_divides, expect_dropout, expect_layers, expect_sizes, read};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::shape::{HasShape, Shape};

/// DistilBERT's `config.json` (Hugging Face's `DistilBertConfig`), with its defaults.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct DistilBertConfig {
    /// The size of the vocabulary, which is the number of rows of the embedding of tokens.
    pub vocab_size: usize,
    /// The number of positions, which is the largest number of tokens of a batch entry.
    pub max_position_embeddings: usize,
    /// The number of blocks.
    pub n_layers: usize,
    /// The number of attention heads.
    pub n_heads: usize,
    /// The width of the hidden states.
    pub dim: usize,
    /// The width of the feed-forward layer.
    pub hidden_dim: usize,
    /// The activation of the feed-forward layer.
    pub activation: Activation,
    /// The dropout on the embeddings and on the output of the feed-forward layers, in training.
    pub dropout: f64,
    /// The dropout on the attention weights.
    pub attention_dropout: f64,
    /// The dropout before the classifier of sequences.
    pub seq_classif_dropout: f64,
    /// The dropout before the head of a model that answers questions.
    pub qa_dropout: f64,
    /// The standard deviation of freshly initialised weights.
    pub initializer_range: f64,
    /// Whether the decoder of a masked language model is the embedding of tokens.
    pub tie_word_embeddings: bool,
    /// The head.
    #[serde(skip)]
    pub head: HeadConfig,
    /// Whether the states are float32 where the weights are in half precision; see
    /// [`ModelConfig::with_float32_states`](crate::ModelConfig::with_float32_states).
    #[serde(skip)]
    pub float32_states: bool,
    /// The id of the padding token.
    pub pad_token_id: Option<i64>,
}

impl Default for DistilBertConfig {
    fn default() -> Self {
        Self {
            vocab_size: 30_522,
            max_position_embeddings: 512,
            n_layers: 6,
            n_heads: 12,
            dim: 768,
            hidden_dim: 3072,
            activation: Activation::Gelu,
            dropout: 0.1,
            attention_dropout: 0.1,
            seq_classif_dropout: 0.2,
            initializer_range: 0.02,
            tie_word_embeddings: true,
            head: HeadConfig::default(),
            qa_dropout: 0.1,
            float32_states: false,
            pad_token_id: Some(0),
        }
    }
}

/// The other names of fields, from `DistilBertConfig.attribute_map` of transformers.
const SPELLINGS: &[Spelling] = &[
    Spelling::Attribute("hidden_size", "dim"),
    Spelling::Attribute("num_attention_heads", "n_heads"),
    Spelling::Attribute("num_hidden_layers", "n_layers"),
];

impl DistilBertConfig {
    /// The epsilon of the norms, which no field of `config.json` sets.
    pub(crate) const EPSILON: f64 = 1e-12;

    /// Reads Hugging Face's `config.json`. A field that is absent has its default.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let config: Self = read(text, "distilbert", SPELLINGS)?;
        let config = Self { head: HeadConfig::read(text, "distilbert")?, ..config };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ModelError> {
        expect_sizes([
            ("vocab_size", self.vocab_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("dim", self.dim),
            ("hidden_dim", self.hidden_dim),
        ])?;
        expect_layers("n_layers", self.n_layers)?;
        expect_divides("n_heads", self.n_heads, self.dim, "a divisor of `dim`")?;
        expect_dropout("dropout", self.dropout)?;
        expect_dropout("attention_dropout", self.attention_dropout)?;
        expect_dropout("qa_dropout", self.qa_dropout)?;
        expect_dropout("seq_classif_dropout", self.seq_classif_dropout)
    }
}

impl HasShape for DistilBertConfig {
    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }

    fn shape(&self) -> Shape {
        Shape::of_one_stack(self.n_layers, self.n_heads, self.dim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_of_transformers_are_read() {
        let json = r#"{"hidden_size": 24, "num_attention_heads": 4, "num_hidden_layers": 2, "n_layers": 9}"#;
        let config = DistilBertConfig::from_json(json).unwrap();
        assert_eq!((config.dim, config.n_heads, config.n_layers), (24, 4, 2));
    }

    #[test]
    fn impossible_values_are_named() {
        let error = DistilBertConfig::from_json(r#"{"dim": 24, "n_heads": 5}"#).unwrap_err().to_string();
        assert_eq!(error, "`n_heads` is 5 in config.json, expected a divisor of `dim`");
    }
}
