use serde::Deserialize;

use crate::activation::Activation;
use crate::config_field::{
    expect, expect_divides, expect_dropout, expect_layers, expect_positive, expect_sizes, read, switch,
};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::rotary::{RopeParameters, RotaryFrequencies};
use crate::shape::{HasShape, Shape};
use crate::task::Task;

/// ESM's `config.json` (Hugging Face's `EsmConfig`), with its defaults. As in transformers, there are none of `vocab_size` and
/// `pad_token_id`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct EsmConfig {
    /// The size of the vocabulary, which is the number of rows of the embedding of tokens.
    pub vocab_size: usize,
    /// The width of the hidden states.
    pub hidden_size: usize,
    /// The number of blocks.
    pub num_hidden_layers: usize,
    /// The number of attention heads.
    pub num_attention_heads: usize,
    /// The width of a head, which has to be `hidden_size / num_attention_heads`.
    pub head_dim: Option<usize>,
    /// The width of the feed-forward layer.
    pub intermediate_size: usize,
    /// The dropout on the output of each layer, in training.
    pub hidden_dropout_prob: f64,
    /// The dropout on the attention weights.
    pub attention_probs_dropout_prob: f64,
    /// The number of learned positions.
    pub max_position_embeddings: usize,
    /// The kind of positions.
    pub position_embedding_type: EsmPositions,
    /// The base of the wavelengths of rotary positions.
    pub rope_theta: f64,
    /// The standard deviation of freshly initialised weights.
    pub initializer_range: f64,
    /// The epsilon of the norms.
    pub layer_norm_eps: f64,
    /// Whether a norm follows the embeddings.
    #[serde(deserialize_with = "switch")]
    pub emb_layer_norm_before: bool,
    /// Whether the embeddings of hidden tokens are zero, and the others scaled by the share of hidden tokens.
    #[serde(deserialize_with = "switch")]
    pub token_dropout: bool,
    /// The id of the token that hides another one.
    pub mask_token_id: Option<i64>,
    /// The id of the padding token, from which learned positions count.
    pub pad_token_id: Option<i64>,
    /// Whether a token sees only itself and the tokens before it.
    #[serde(deserialize_with = "switch")]
    pub is_decoder: bool,
    /// Whether there is cross attention. Only `false` is supported.
    #[serde(deserialize_with = "switch")]
    pub add_cross_attention: bool,
    /// Whether the model folds proteins (ESMFold). Only `false` is supported.
    #[serde(deserialize_with = "switch")]
    pub is_folding_model: bool,
    /// Whether the decoder of a masked language model is the embedding of tokens.
    pub tie_word_embeddings: bool,
    /// The head.
    #[serde(skip)]
    pub head: HeadConfig,
    /// Whether the checkpoint holds the angles of the rotary positions. Those of ESM-2 were rounded to float16.
    #[serde(skip)]
    pub own_angles: bool,
    /// Whether the states are float32 where the weights are in half precision; see
    /// [`ModelConfig::with_float32_states`](crate::ModelConfig::with_float32_states).
    #[serde(skip)]
    pub float32_states: bool,
}

/// The kind of positions of an ESM (`position_embedding_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EsmPositions {
    /// A table of learned positions (ESM-1b).
    Absolute,
    /// Rotary positions (ESM-2).
    Rotary,
}

impl Default for EsmConfig {
    fn default() -> Self {
        Self {
            vocab_size: 0,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            head_dim: None,
            intermediate_size: 3072,
            hidden_dropout_prob: 0.1,
            attention_probs_dropout_prob: 0.1,
            max_position_embeddings: 1026,
            position_embedding_type: EsmPositions::Absolute,
            rope_theta: 10_000.0,
            initializer_range: 0.02,
            layer_norm_eps: 1e-12,
            emb_layer_norm_before: false,
            token_dropout: false,
            mask_token_id: None,
            pad_token_id: None,
            is_decoder: false,
            add_cross_attention: false,
            is_folding_model: false,
            tie_word_embeddings: true,
            head: HeadConfig::default(),
            own_angles: false,
            float32_states: false,
        }
    }
}

impl EsmConfig {
    /// The tasks for which there is a class in transformers.
    pub(super) const TASKS: [Task; 4] =
        [Task::SequenceClassification, Task::TokenClassification, Task::MaskedLm, Task::FeatureExtraction];

    /// Reads Hugging Face's `config.json`. A field that is absent has its default.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible, or one that is needed is absent.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let config: Self = read(text, "esm", &[])?;
        let config = Self { head: HeadConfig::read(text, "esm")?, ..config };
        config.check()?;
        Ok(config)
    }

    /// The id of the padding token, which [`from_json`](Self::from_json) has seen.
    pub fn pad_token_id(&self) -> i64 {
        self.pad_token_id.unwrap_or(0)
    }

    /// Whether the positions are rotary.
    pub(super) fn is_rotary(&self) -> bool {
        self.position_embedding_type == EsmPositions::Rotary
    }

    /// The angles of the rotary positions that the configuration describes.
    pub(super) fn frequencies(&self) -> Result<RotaryFrequencies, ModelError> {
        let rope = RopeParameters { rope_theta: Some(self.rope_theta), ..RopeParameters::default() };
        rope.frequencies(self.hidden_size / self.num_attention_heads, self.max_position_embeddings)
    }

    fn check(&self) -> Result<(), ModelError> {
        expect(self.vocab_size > 0, "vocab_size", "absent or 0", "the number of tokens")?;
        expect_sizes([
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
        ])?;
        expect_layers("num_hidden_layers", self.num_hidden_layers)?;
        let heads = self.num_attention_heads;
        expect_divides("num_attention_heads", heads, self.hidden_size, "a divisor of `hidden_size`")?;
        let (d_head, own) = (self.hidden_size / heads, self.head_dim.filter(|d| *d > 0));
        let same = own.is_none_or(|own| own == d_head) || !self.is_rotary();
        expect(same, "head_dim", own.unwrap_or(d_head), "`hidden_size / num_attention_heads`")?;
        expect_dropout("hidden_dropout_prob", self.hidden_dropout_prob)?;
        expect_dropout("attention_probs_dropout_prob", self.attention_probs_dropout_prob)?;
        expect_positive("layer_norm_eps", self.layer_norm_eps)?;
        self.check_tokens()?;
        expect(!self.add_cross_attention, "add_cross_attention", true, "false")?;
        expect(!self.is_folding_model, "is_folding_model", true, "false, because ESMFold is another model")?;
        let (task, has) = (self.head.task, "a classifier of sequences or tokens, EsmForMaskedLM or EsmModel");
        expect(Self::TASKS.contains(&task), "architectures", format!("{task:?}"), has)?;
        if self.is_rotary() { self.frequencies().map(|_| ()) } else { Ok(()) }
    }

    fn check_tokens(&self) -> Result<(), ModelError> {
        let counted = self.pad_token_id.is_some_and(|id| id >= 0);
        let found = self.pad_token_id.map_or("null or absent".into(), |id| id.to_string());
        expect(counted, "pad_token_id", found, "an id, which transformers needs in every ESM")?;
        let hides = self.mask_token_id.is_some() || !self.token_dropout;
        expect(hides, "mask_token_id", "null or absent", "an id, because `token_dropout` is true")
    }
}

impl HasShape for EsmConfig {
    fn activation(&self) -> Option<Activation> {
        Some(Activation::Gelu)
    }

    fn shape(&self) -> Shape {
        Shape::of_one_stack(self.num_hidden_layers, self.num_attention_heads, self.hidden_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> String {
        EsmConfig::from_json(json).unwrap_err().to_string()
    }

    #[test]
    fn what_transformers_needs_is_asked_for() {
        let expected = "`vocab_size` is absent or 0 in config.json, expected the number of tokens";
        assert_eq!(error("{}"), expected);
        let expected = "`pad_token_id` is null or absent in config.json, expected an id, which transformers needs in every ESM";
        assert_eq!(error(r#"{"vocab_size": 33}"#), expected);
        let expected = "`mask_token_id` is null or absent in config.json, expected an id, because `token_dropout` is true";
        assert_eq!(error(r#"{"vocab_size": 33, "pad_token_id": 1, "token_dropout": true}"#), expected);
    }

    #[test]
    fn what_is_no_esm_is_refused_by_name() {
        let with = |field: &str| error(&format!(r#"{{"vocab_size": 33, "pad_token_id": 1, {field}}}"#));
        assert!(with(r#""is_folding_model": true"#).contains("`is_folding_model` is true"));
        assert!(with(r#""position_embedding_type": "relative_key""#).contains("`relative_key`"));
        assert!(
            with(r#""architectures": ["EsmForQuestionAnswering"]"#)
                .contains("`architectures` is QuestionAnswering")
        );
        let odd = with(r#""position_embedding_type": "rotary", "hidden_size": 36"#);
        assert_eq!(odd, "`head_dim` is 3 in config.json, expected an even width, for rotary embeddings");
    }

    #[test]
    fn null_is_false_for_a_switch() {
        let json =
            r#"{"vocab_size": 33, "pad_token_id": 1, "emb_layer_norm_before": null, "token_dropout": null}"#;
        let config = EsmConfig::from_json(json).unwrap();
        assert!(!config.emb_layer_norm_before && !config.token_dropout);
    }
}
