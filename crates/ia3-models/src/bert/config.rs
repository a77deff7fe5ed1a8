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
    /// The size of the vocabulary, which is the number of rows of the embedding of tokens.
    pub vocab_size: usize,
    /// The width of the hidden states.
    pub hidden_size: usize,
    /// The number of blocks.
    pub num_hidden_layers: usize,
    /// The number of attention heads.
    pub num_attention_heads: usize,
    /// The width of the feed-forward layer.
    pub intermediate_size: usize,
    /// The activation of the feed-forward layer.
    pub hidden_act: Activation,
    /// The dropout on the embeddings and on the output of each layer, in training.
    pub hidden_dropout_prob: f64,
    /// The dropout on the attention weights.
    pub attention_probs_dropout_prob: f64,
    /// The dropout before the classifier. If it is absent, `hidden_dropout_prob` is used.
    pub classifier_dropout: Option<f64>,
    /// The number of positions, which is the largest number of tokens of a batch entry.
    pub max_position_embeddings: usize,
    /// The number of token types.
    pub type_vocab_size: usize,
    /// The standard deviation of freshly initialised weights.
    pub initializer_range: f64,
    /// The epsilon of the norms.
    pub layer_norm_eps: f64,
    /// The names of the classes by their numbers. The number of names is the number of labels.
    #[serde(deserialize_with = "label_names")]
    pub id2label: Option<BTreeMap<String, String>>,
    /// The number of labels if there is no `id2label`. If both are absent, it is 2.
    pub num_labels: Option<usize>,
    /// The kind of positions. Only `absolute` is supported.
    pub position_embedding_type: Option<String>,
    /// Whether a token sees only itself and the tokens before it.
    pub is_decoder: bool,
    /// Whether there is cross attention. Only `false` is supported.
    pub add_cross_attention: bool,
    /// Whether the states are float32 where the weights are in half precision; see
    /// [`ModelConfig::with_float32_states`](crate::ModelConfig::with_float32_states).
    #[serde(skip)]
    pub float32_states: bool,
    /// The id of the padding token.
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
            float32_states: false,
            pad_token_id: None,
        }
    }
}

impl BertConfig {
    /// Reads Hugging Face's `config.json`. A field that is absent has its default.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let config: Self = read(text, "bert", &[])?;
        config.check()?;
        Ok(config)
    }

    /// The number of classes.
    pub fn labels(&self) -> usize {
        self.id2label.as_ref().map(BTreeMap::len).or(self.num_labels).unwrap_or(2)
    }

    /// The id of the padding token: `pad_token_id`, or 0 if it is absent.
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

/// Reads the names of classes. Files may hold numbers or booleans instead of texts, which transformers accepts.
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
