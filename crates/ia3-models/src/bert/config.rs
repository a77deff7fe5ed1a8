use serde::Deserialize;

use crate::activation::Activation;
use crate::config_field::{
    Spelling, expect, expect_divides, expect_dropout, expect_layers, expect_positive, expect_sizes, read,
};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::shape::{HasShape, Shape};

/// The `config.json` of BERT, RoBERTa, XLM-RoBERTa and ELECTRA (Hugging Face's `BertConfig`, `RobertaConfig`,
/// `XLMRobertaConfig` and `ElectraConfig`), with their defaults.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct BertConfig {
    /// `bert`, `roberta`, `xlm-roberta` or `electra`, which decides about positions, head and defaults.
    pub model_type: String,
    /// The size of the vocabulary, which is the number of rows of the embedding of tokens.
    pub vocab_size: usize,
    /// The width of the hidden states.
    pub hidden_size: usize,
    /// The width of the embeddings if it differs from that of the hidden states. Only ELECTRA has it.
    pub embedding_size: Option<usize>,
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
    /// Whether the decoder of a masked language model is the embedding of tokens.
    pub tie_word_embeddings: bool,
    /// Which token ELECTRA's summary of a choice is made of. Only `first` is supported.
    pub summary_type: String,
    /// Whether ELECTRA's summary of a choice has a layer of its own.
    pub summary_use_proj: bool,
    /// The activation of ELECTRA's summary of a choice, if any.
    pub summary_activation: Option<Activation>,
    /// The dropout after ELECTRA's summary of a choice.
    pub summary_last_dropout: f64,
    /// The head.
    #[serde(skip)]
    pub head: HeadConfig,
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
    /// The id of the padding token. The positions of RoBERTa count from one more than it.
    pub pad_token_id: Option<i64>,
}

impl Default for BertConfig {
    fn default() -> Self {
        Self {
            model_type: "bert".into(),
            vocab_size: 30_522,
            hidden_size: 768,
            embedding_size: None,
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
            tie_word_embeddings: true,
            summary_type: "first".into(),
            summary_use_proj: true,
            summary_activation: Some(Activation::Gelu),
            summary_last_dropout: 0.1,
            head: HeadConfig::default(),
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
        #[derive(Deserialize)]
        struct Type {
            model_type: Option<String>,
        }
        let model_type = read::<Type>(text, "bert", &[])?.model_type.unwrap_or_else(|| "bert".into());
        let config: Self = read(text, &model_type, defaults(&model_type))?;
        let head = HeadConfig::read(text, &model_type)?;
        let embedding_size = config.embedding_size.filter(|_| model_type == "electra");
        let config = Self { head, model_type, embedding_size, ..config };
        config.check()?;
        Ok(config)
    }

    /// The id of the padding token: `pad_token_id`, or 0 if it is absent.
    pub fn pad_token_id(&self) -> i64 {
        self.pad_token_id.unwrap_or(0)
    }

    /// Whether positions count the tokens that are no padding, from one more than the id of the padding token.
    pub(super) fn positions_after_padding(&self) -> bool {
        matches!(self.model_type.as_str(), "roberta" | "xlm-roberta")
    }

    /// The width of the embeddings.
    pub(super) fn embedding_width(&self) -> usize {
        self.embedding_size.unwrap_or(self.hidden_size)
    }

    fn check(&self) -> Result<(), ModelError> {
        expect_sizes([
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("embedding_size", self.embedding_width()),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ])?;
        expect_layers("num_hidden_layers", self.num_hidden_layers)?;
        let heads = self.num_attention_heads;
        expect_divides("num_attention_heads", heads, self.hidden_size, "a divisor of `hidden_size`")?;
        expect_dropout("hidden_dropout_prob", self.hidden_dropout_prob)?;
        expect_dropout("attention_probs_dropout_prob", self.attention_probs_dropout_prob)?;
        expect_dropout("classifier_dropout", self.classifier_dropout.unwrap_or(0.0))?;
        expect_positive("layer_norm_eps", self.layer_norm_eps)?;
        expect(!self.add_cross_attention, "add_cross_attention", true, "false")?;
        let counted = self.pad_token_id.is_some() || !self.positions_after_padding();
        expect(counted, "pad_token_id", "null", "an id, from which positions count")?;
        let first = self.model_type != "electra" || self.summary_type == "first";
        expect(first, "summary_type", format!("`{}`", self.summary_type), "first")?;
        expect_dropout("summary_last_dropout", self.summary_last_dropout)?;
        let kind = self.position_embedding_type.as_deref().unwrap_or("absolute");
        expect(kind == "absolute", "position_embedding_type", format!("`{kind}`"), "absolute")
    }
}

/// The defaults of a `model_type` where they differ from BERT's.
fn defaults(model_type: &str) -> &'static [Spelling] {
    match model_type {
        "roberta" => &[Spelling::Absent("vocab_size", 50_265), Spelling::Absent("pad_token_id", 1)],
        "xlm-roberta" => &[Spelling::Absent("pad_token_id", 1)],
        "electra" => &[
            Spelling::Absent("hidden_size", 256),
            Spelling::Absent("embedding_size", 128),
            Spelling::Absent("num_attention_heads", 4),
            Spelling::Absent("intermediate_size", 1024),
        ],
        _ => &[],
    }
}

impl HasShape for BertConfig {
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
    fn absent_fields_take_the_defaults_of_the_model_type() {
        let read = |json: &str| BertConfig::from_json(json).unwrap();
        let roberta = read(r#"{"model_type": "roberta"}"#);
        assert_eq!((roberta.vocab_size, roberta.pad_token_id()), (50_265, 1));
        assert_eq!(read(r#"{"model_type": "xlm-roberta"}"#).vocab_size, 30_522);
        let electra = read(r#"{"model_type": "electra"}"#);
        assert_eq!(
            (electra.hidden_size, electra.embedding_width(), electra.intermediate_size),
            (256, 128, 1024)
        );
        assert_eq!(read(r#"{"model_type": "bert", "embedding_size": 5}"#).embedding_width(), 768);
        let null = BertConfig::from_json(r#"{"model_type": "roberta", "pad_token_id": null}"#).unwrap_err();
        let expected = "`pad_token_id` is null in config.json, expected an id, from which positions count";
        assert_eq!(null.to_string(), expected);
    }

    #[test]
    fn other_positions_are_refused() {
        let json = r#"{"position_embedding_type": "relative_key"}"#;
        let error = BertConfig::from_json(json).unwrap_err().to_string();
        assert_eq!(error, "`position_embedding_type` is `relative_key` in config.json, expected absolute");
    }
}
