use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::activation::Activation;
use crate::config_field::{
    expect, expect_divides, expect_dropout, expect_layers, expect_positive, expect_sizes, read,
};
use crate::error::ModelError;
use crate::shape::{HasShape, Shape};

/// BERT's `config.json` (Hugging Face's `BertConfig`), with its defaults.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct BertConfig {
    /// Rows of the embedding of tokens.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Blocks.
    pub num_hidden_layers: usize,
    /// Attention heads.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Activation of the feed-forward layer.
    pub hidden_act: Activation,
    /// Dropout on embeddings and on the output of each layer, in training.
    pub hidden_dropout_prob: f64,
    /// Dropout on the attention weights.
    pub attention_probs_dropout_prob: f64,
    /// Dropout in front of the classifier; `hidden_dropout_prob` where absent.
    pub classifier_dropout: Option<f64>,
    /// The number of positions: the largest number of tokens of a batch entry.
    pub max_position_embeddings: usize,
    /// Rows of the embedding of token types.
    pub type_vocab_size: usize,
    /// Standard deviation of fresh weights.
    pub initializer_range: f64,
    /// Epsilon of the norms.
    pub layer_norm_eps: f64,
    /// Names of the classes by number; their count is the number of labels.
    #[serde(deserialize_with = "label_names")]
    pub id2label: Option<BTreeMap<String, String>>,
    /// Number of labels where there is no `id2label`; 2 where both are absent.
    pub num_labels: Option<usize>,
    /// Only `absolute` positions are supported.
    pub position_embedding_type: Option<String>,
    /// Whether a token sees only those before it. Cross attention is not supported.
    pub is_decoder: bool,
    /// Only `false` is supported.
    pub add_cross_attention: bool,
    /// Id of the padding token.
    pub pad_token_id: Option<i64>,
}

impl Default for BertConfig {
    fn default() -> Self {
        Self {
            vocab_size: 30_522,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: Activation::Gelu,
            hidden_dropout_prob: 0.1,
            attention_probs_dropout_prob: 0.1,
            classifier_dropout: None,
            max_position_embeddings: 512,
            type_vocab_size: 2,
            initializer_range: 0.02,
            layer_norm_eps: 1e-12,
            id2label: None,
            num_labels: None,
            position_embedding_type: None,
            is_decoder: false,
            add_cross_attention: false,
            pad_token_id: None,
        }
    }
}

impl BertConfig {
    /// Reads Hugging Face's `config.json`; fields that are absent take their defaults.
    ///
    /// # Errors
    ///
    /// [`ModelError::Json`] for text that is no such configuration, [`ModelError::Field`] for impossible values.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let config: Self = read(text, "bert", &[])?;
        config.check()?;
        Ok(config)
    }

    /// Number of classes.
    pub fn labels(&self) -> usize {
        self.id2label.as_ref().map(BTreeMap::len).or(self.num_labels).unwrap_or(2)
    }

    /// The id that fills rows up.
    pub fn pad_token_id(&self) -> i64 {
        self.pad_token_id.unwrap_or(0)
    }

    fn check(&self) -> Result<(), ModelError> {
        expect_sizes([
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
            ("num_labels", self.labels()),
        ])?;
        expect_layers("num_hidden_layers", self.num_hidden_layers)?;
        let heads = self.num_attention_heads;
        expect_divides("num_attention_heads", heads, self.hidden_size, "a divisor of `hidden_size`")?;
        expect_dropout("hidden_dropout_prob", self.hidden_dropout_prob)?;
        expect_dropout("attention_probs_dropout_prob", self.attention_probs_dropout_prob)?;
        expect_dropout("classifier_dropout", self.classifier_dropout.unwrap_or(0.0))?;
        expect_positive("layer_norm_eps", self.layer_norm_eps)?;
        expect(!self.add_cross_attention, "add_cross_attention", true, "false")?;
        let kind = self.position_embedding_type.as_deref().unwrap_or("absolute");
        expect(kind == "absolute", "position_embedding_type", format!("`{kind}`"), "absolute")
    }
}

/// Names of classes. Files may hold numbers or truth values there, which transformers keeps as they are.
fn label_names<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, String>>, D::Error> {
    let names = Option::<BTreeMap<String, Value>>::deserialize(deserializer)?;
    let text = |value| match value {
        Value::String(name) => name,
        other => other.to_string(),
    };
    Ok(names.map(|names| names.into_iter().map(|(number, name)| (number, text(name))).collect()))
}

impl HasShape for BertConfig {
    fn shape(&self) -> Shape {
        Shape::of_one_stack(self.num_hidden_layers, self.num_attention_heads, self.hidden_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_counted() {
        let labels = |json: &str| BertConfig::from_json(json).unwrap().labels();
        assert_eq!(labels("{}"), 2);
        assert_eq!(labels(r#"{"num_labels": 5}"#), 5);
        assert_eq!(labels(r#"{"id2label": {"0": "a", "1": "b", "2": "c"}}"#), 3);
    }

    #[test]
    fn other_positions_are_refused() {
        let json = r#"{"position_embedding_type": "relative_key"}"#;
        let error = BertConfig::from_json(json).unwrap_err().to_string();
        assert_eq!(error, "`position_embedding_type` is `relative_key` in config.json, expected absolute");
    }
}
