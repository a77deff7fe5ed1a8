//! The fields of `config.json`, and what they mean where they are absent.

use serde::Deserialize;

use super::config::{DebertaConfig, PositionScores};
use crate::activation::Activation;
use crate::config_field::{Spelling, expect, read};
use crate::encoder::HeadConfig;
use crate::error::ModelError;

#[derive(Deserialize)]
#[serde(default)]
struct Fields {
    vocab_size: usize,
    hidden_size: usize,
    embedding_size: Option<usize>,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    hidden_act: Activation,
    hidden_dropout_prob: f64,
    attention_probs_dropout_prob: f64,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    initializer_range: f64,
    layer_norm_eps: f64,
    relative_attention: bool,
    max_relative_positions: i64,
    position_buckets: i64,
    position_biased_input: bool,
    pos_att_type: Option<PosAttType>,
    share_att_key: bool,
    norm_rel_ebd: String,
    attention_head_size: Option<usize>,
    talking_head: bool,
    conv_kernel_size: i64,
    conv_groups: usize,
    conv_act: Activation,
    pooler_hidden_size: Option<usize>,
    pooler_dropout: f64,
    pooler_hidden_act: Activation,
    cls_dropout: Option<f64>,
    legacy: bool,
    tie_word_embeddings: bool,
    pad_token_id: Option<i64>,
}

/// `c2p|p2c`, or a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum PosAttType {
    Text(String),
    List(Vec<String>),
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            vocab_size: 50_265,
            hidden_size: 768,
            embedding_size: None,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: Activation::Gelu,
            hidden_dropout_prob: 0.1,
            attention_probs_dropout_prob: 0.1,
            max_position_embeddings: 512,
            type_vocab_size: 0,
            initializer_range: 0.02,
            layer_norm_eps: 1e-7,
            relative_attention: false,
            max_relative_positions: -1,
            position_buckets: -1,
            position_biased_input: true,
            pos_att_type: None,
            share_att_key: false,
            norm_rel_ebd: "none".into(),
            attention_head_size: None,
            talking_head: false,
            conv_kernel_size: 0,
            conv_groups: 1,
            conv_act: Activation::Tanh,
            pooler_hidden_size: None,
            pooler_dropout: 0.0,
            pooler_hidden_act: Activation::Gelu,
            cls_dropout: None,
            legacy: true,
            tie_word_embeddings: true,
            pad_token_id: Some(0),
        }
    }
}

/// The defaults of `deberta-v2` where they differ from those of `deberta`.
const SECOND: &[Spelling] = &[
    Spelling::Absent("vocab_size", 128_100),
    Spelling::Absent("hidden_size", 1536),
    Spelling::Absent("num_hidden_layers", 24),
    Spelling::Absent("num_attention_heads", 24),
    Spelling::Absent("intermediate_size", 6144),
];

impl DebertaConfig {
    /// Reads Hugging Face's `config.json`. A field that is absent has its default.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        #[derive(Deserialize)]
        struct Type {
            model_type: Option<String>,
        }
        let second = read::<Type>(text, "deberta", &[])?.model_type.is_some_and(|name| name == "deberta-v2");
        let (model_type, defaults) = if second { ("deberta-v2", SECOND) } else { ("deberta", &[][..]) };
        let config = read::<Fields>(text, model_type, defaults)?
            .resolve(second, HeadConfig::read(text, model_type)?)?;
        config.check()?;
        Ok(config)
    }
}

impl Fields {
    fn resolve(self, second: bool, head: HeadConfig) -> Result<DebertaConfig, ModelError> {
        self.check_widths(second)?;
        let kinds = self.kinds();
        let known = ["c2p", "p2c"].map(|kind| kinds.iter().any(|found| found == kind));
        let parts = if second { known.iter().filter(|has| **has).count() } else { kinds.len() };
        let conv_kernel_size = usize::try_from(self.conv_kernel_size).ok().filter(|size| second && *size > 0);
        let norm = self.norm_rel_ebd.to_lowercase().split('|').any(|name| name.trim() == "layer_norm");
        Ok(DebertaConfig {
            second,
            norm_of_distances: second && norm,
            distances: self.relative_attention.then(|| self.distances(second, known)),
            parts_of_scores: 1 + parts,
            vocab_size: self.vocab_size,
            hidden_size: self.hidden_size,
            embedding_size: self.embedding_size.unwrap_or(self.hidden_size),
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            intermediate_size: self.intermediate_size,
            hidden_act: self.hidden_act,
            hidden_dropout_prob: self.hidden_dropout_prob,
            attention_probs_dropout_prob: self.attention_probs_dropout_prob,
            max_position_embeddings: self.max_position_embeddings,
            type_vocab_size: self.type_vocab_size,
            initializer_range: self.initializer_range,
            layer_norm_eps: self.layer_norm_eps,
            position_biased_input: self.position_biased_input,
            conv_kernel_size,
            conv_groups: self.conv_groups,
            conv_act: self.conv_act,
            pooler_dropout: self.pooler_dropout,
            pooler_hidden_act: self.pooler_hidden_act,
            cls_dropout: self.cls_dropout.unwrap_or(self.hidden_dropout_prob),
            legacy: self.legacy,
            tie_word_embeddings: self.tie_word_embeddings,
            pad_token_id: self.pad_token_id.unwrap_or(0),
            head,
            float32_states: false,
        })
    }

    /// The kinds of scores that `pos_att_type` lists.
    fn kinds(&self) -> Vec<String> {
        match &self.pos_att_type {
            None => vec![],
            Some(PosAttType::List(kinds)) => kinds.clone(),
            Some(PosAttType::Text(kinds)) => {
                kinds.to_lowercase().split('|').map(|kind| kind.trim().to_string()).collect()
            }
        }
    }

    fn distances(
        &self,
        second: bool,
        [content_to_position, position_to_content]: [bool; 2],
    ) -> PositionScores {
        let positive = |n: i64| usize::try_from(n).ok().filter(|n| *n > 0);
        PositionScores {
            content_to_position,
            position_to_content,
            max_relative_positions: positive(self.max_relative_positions)
                .unwrap_or(self.max_position_embeddings),
            position_buckets: positive(self.position_buckets).filter(|_| second),
            share_att_key: second && self.share_att_key,
        }
    }

    /// Refuses what transformers cannot compute, or computes in another way.
    fn check_widths(&self, second: bool) -> Result<(), ModelError> {
        expect(second || !self.talking_head, "talking_head", true, "false")?;
        let pooler = self.pooler_hidden_size.unwrap_or(self.hidden_size);
        expect(pooler == self.hidden_size, "pooler_hidden_size", pooler, "`hidden_size`")?;
        let own = self.attention_head_size.filter(|_| second);
        let fits = own.is_none_or(|own| own.checked_mul(self.num_attention_heads) == Some(self.hidden_size));
        let expected = "`hidden_size / num_attention_heads`";
        expect(fits, "attention_head_size", own.unwrap_or_default(), expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> DebertaConfig {
        DebertaConfig::from_json(json).unwrap()
    }

    /// The fields of microsoft/deberta-v3-base and microsoft/deberta-base.
    #[test]
    fn published_configurations_are_read() {
        let third = config(
            r#"{"model_type": "deberta-v2", "hidden_size": 768, "num_attention_heads": 12, "num_hidden_layers": 12,
                "intermediate_size": 3072, "max_relative_positions": -1, "position_buckets": 256, "norm_rel_ebd": "layer_norm",
                "share_att_key": true, "pos_att_type": "p2c|c2p", "relative_attention": true, "position_biased_input": false}"#,
        );
        let distances = third.distances.clone().unwrap();
        assert_eq!((third.vocab_size, third.parts_of_scores, third.model_type()), (128_100, 3, "deberta-v2"));
        assert_eq!((distances.span(), distances.max_relative_positions), (256, 512));
        assert!(distances.share_att_key && third.norm_of_distances && !third.position_biased_input);
        let first = config(
            r#"{"model_type": "deberta", "pos_att_type": ["c2p", "p2c"], "relative_attention": true, "position_buckets": 9}"#,
        );
        let distances = first.distances.unwrap();
        assert_eq!((first.vocab_size, distances.span(), distances.position_buckets), (50_265, 512, None));
        assert!(config("{}").distances.is_none());
    }

    #[test]
    fn what_is_not_computed_is_refused_by_name() {
        let error = |json: &str| DebertaConfig::from_json(json).unwrap_err().to_string();
        assert_eq!(
            error(r#"{"talking_head": true}"#),
            "`talking_head` is true in config.json, expected false"
        );
        let head = error(r#"{"model_type": "deberta-v2", "attention_head_size": 5}"#);
        let expected =
            "`attention_head_size` is 5 in config.json, expected `hidden_size / num_attention_heads`";
        assert_eq!(head, expected);
        let choice = error(r#"{"model_type": "deberta", "architectures": ["DebertaForMultipleChoice"]}"#);
        assert!(choice.starts_with("`architectures` is MultipleChoice"), "{choice}");
        let even = error(r#"{"model_type": "deberta-v2", "conv_kernel_size": 2}"#);
        assert!(even.starts_with("`conv_kernel_size` is 2"), "{even}");
        let buckets = error(
            r#"{"model_type": "deberta-v2", "relative_attention": true, "position_buckets": 16, "max_relative_positions": 9}"#,
        );
        assert!(buckets.starts_with("`position_buckets` is 16"), "{buckets}");
    }
}
