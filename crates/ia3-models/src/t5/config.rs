use serde::Deserialize;

use crate::activation::Activation;
use crate::config_field::{
    Spelling, expect, expect_dropout, expect_layers, expect_positive, expect_sizes, read, some_ids,
};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::shape::{HasShape, Shape};
use crate::task::Task;

/// T5's and mT5's `config.json` (Hugging Face's `T5Config` and `MT5Config`), with their defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct T5Config {
    /// `t5` or `mt5`. They differ in the scaling of the decoder's output and in PEFT's default targets.
    pub model_type: String,
    /// The size of the vocabulary, which is the number of rows of the embedding and of the head.
    pub vocab_size: usize,
    /// The width of the hidden states.
    pub d_model: usize,
    /// The width of one attention head. `num_heads · d_kv` may differ from `d_model`.
    pub d_kv: usize,
    /// The width of the feed-forward layer.
    pub d_ff: usize,
    /// The number of blocks of the encoder.
    pub num_layers: usize,
    /// The number of blocks of the decoder.
    pub num_decoder_layers: usize,
    /// The number of attention heads.
    pub num_heads: usize,
    /// The number of buckets of the relative position bias.
    pub relative_attention_num_buckets: usize,
    /// The distance from which on all positions share the last bucket.
    pub relative_attention_max_distance: usize,
    /// The dropout in training.
    pub dropout_rate: f64,
    /// The epsilon of the RMS norms.
    pub layer_norm_epsilon: f64,
    /// The factor that multiplies the standard deviations of freshly initialised weights.
    pub initializer_factor: f64,
    /// The activation of the feed-forward layer.
    pub activation: Activation,
    /// Whether the feed-forward layer is gated (`wi_0`, `wi_1`) or plain (`wi`).
    pub is_gated: bool,
    /// Whether the head is the embedding. A checkpoint that holds its own `lm_head.weight` overrides this field.
    pub tie_lm_head: bool,
    /// Whether the encoder has an embedding of its own. The content of a checkpoint determines this.
    pub own_encoder_embedding: bool,
    /// Whether the decoder has an embedding of its own. The content of a checkpoint determines this.
    pub own_decoder_embedding: bool,
    /// Whether the decoder's output is multiplied by `d_model^-1/2` before the head.
    pub scale_decoder_outputs: bool,
    /// Whether the states are float32 where the weights are in half precision; see
    /// [`ModelConfig::with_float32_states`](crate::ModelConfig::with_float32_states).
    pub float32_states: bool,
    /// The head of a classifier of sequences, or of the encoder alone; `None` for a language model. `architectures` decides it.
    pub head: Option<HeadConfig>,
    /// The dropout before each layer of the classifier.
    pub classifier_dropout: f64,
    /// The id of the padding token.
    pub pad_token_id: i64,
    /// The ids of the tokens that end a sequence.
    pub eos_token_id: Vec<i64>,
    /// The id of the token that starts every sequence of the decoder.
    pub decoder_start_token_id: i64,
}

impl T5Config {
    /// Reads Hugging Face's `config.json`. A field that is absent has the default of its `model_type`.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let raw: Raw = read(text, "t5 or mt5", SPELLINGS)?;
        let config = raw.resolve()?;
        config.check()?;
        Ok(Self { head: head(text)?, ..config })
    }

    /// The task of the model.
    pub(crate) fn task(&self) -> Task {
        self.head.as_ref().map_or(Task::Seq2SeqLm, |head| head.task)
    }

    /// The width of all heads together, which is the number of outputs of `q`, `k` and `v`.
    pub fn d_attention(&self) -> usize {
        self.num_heads * self.d_kv
    }

    fn check(&self) -> Result<(), ModelError> {
        expect_sizes([
            ("vocab_size", self.vocab_size),
            ("d_model", self.d_model),
            ("d_kv", self.d_kv),
            ("d_ff", self.d_ff),
            ("num_heads", self.num_heads),
            ("num_heads · d_kv", self.num_heads.saturating_mul(self.d_kv)),
            ("relative_attention_max_distance", self.relative_attention_max_distance),
        ])?;
        expect_layers("num_layers", self.num_layers)?;
        expect_layers("num_decoder_layers", self.num_decoder_layers)?;
        let buckets = self.relative_attention_num_buckets;
        let expected = "at least 4 buckets and fewer than twice the maximal distance";
        let fits = buckets >= 4 && buckets / 2 < self.relative_attention_max_distance;
        expect(fits, "relative_attention_num_buckets", buckets, expected)?;
        let start = self.decoder_start_token_id;
        let known = usize::try_from(start).is_ok_and(|start| start < self.vocab_size);
        expect(known, "decoder_start_token_id", start, "an id of the vocabulary")?;
        expect_dropout("dropout_rate", self.dropout_rate)?;
        expect_dropout("classifier_dropout", self.classifier_dropout)?;
        expect_positive("layer_norm_epsilon", self.layer_norm_epsilon)
    }
}

/// The other names of fields, from `T5Config.attribute_map` of transformers. `num_hidden_layers` is handled in `Raw`.
const SPELLINGS: &[Spelling] = &[
    Spelling::Attribute("hidden_size", "d_model"),
    Spelling::Attribute("num_attention_heads", "num_heads"),
    Spelling::Attribute("head_dim", "d_kv"),
];

#[derive(Deserialize)]
struct Raw {
    model_type: String,
    vocab_size: Option<usize>,
    d_model: Option<usize>,
    d_kv: Option<usize>,
    d_ff: Option<usize>,
    num_layers: Option<usize>,
    num_hidden_layers: Option<usize>,
    num_decoder_layers: Option<usize>,
    num_heads: Option<usize>,
    relative_attention_num_buckets: Option<usize>,
    relative_attention_max_distance: Option<usize>,
    dropout_rate: Option<f64>,
    classifier_dropout: Option<f64>,
    layer_norm_epsilon: Option<f64>,
    initializer_factor: Option<f64>,
    feed_forward_proj: Option<String>,
    dense_act_fn: Option<String>,
    is_gated_act: Option<bool>,
    tie_word_embeddings: Option<bool>,
    scale_decoder_outputs: Option<bool>,
    pad_token_id: Option<i64>,
    #[serde(default, deserialize_with = "some_ids")]
    eos_token_id: Option<Vec<i64>>,
    decoder_start_token_id: Option<i64>,
}

impl Raw {
    fn resolve(self) -> Result<T5Config, ModelError> {
        let mt5 = self.model_type == "mt5";
        let default = |t5, of_mt5| if mt5 { of_mt5 } else { t5 };
        // transformers determines the number of decoder layers before it reads the other name of the number of encoder layers.
        let written = self.num_layers.unwrap_or(default(6, 8));
        let num_layers = self.num_hidden_layers.unwrap_or(written);
        let projection = self.feed_forward_proj.as_deref().unwrap_or(if mt5 { "gated-gelu" } else { "relu" });
        let (activation, is_gated) = feed_forward(projection)?;
        // transformers writes both of these fields in addition to `feed_forward_proj`, and their values take precedence.
        let activation = self.dense_act_fn.as_deref().map_or(Ok(activation), dense_activation)?;
        let is_gated = self.is_gated_act.unwrap_or(is_gated);
        let tied = self.tie_word_embeddings != Some(false);
        let pad_token_id = self.pad_token_id.unwrap_or(0);
        Ok(T5Config {
            vocab_size: self.vocab_size.unwrap_or(default(32_128, 250_112)),
            d_model: self.d_model.unwrap_or(512),
            d_kv: self.d_kv.unwrap_or(64),
            d_ff: self.d_ff.unwrap_or(default(2_048, 1_024)),
            num_layers,
            num_decoder_layers: self.num_decoder_layers.unwrap_or(written),
            num_heads: self.num_heads.unwrap_or(default(8, 6)),
            relative_attention_num_buckets: self.relative_attention_num_buckets.unwrap_or(32),
            relative_attention_max_distance: self.relative_attention_max_distance.unwrap_or(128),
            dropout_rate: self.dropout_rate.unwrap_or(0.1),
            layer_norm_epsilon: self.layer_norm_epsilon.unwrap_or(1e-6),
            initializer_factor: self.initializer_factor.unwrap_or(1.0),
            activation,
            is_gated,
            tie_lm_head: tied,
            own_encoder_embedding: false,
            own_decoder_embedding: false,
            float32_states: false,
            head: None,
            classifier_dropout: self.classifier_dropout.unwrap_or(0.0),
            // mT5 never scales. T5 scales if the head is tied, unless the field says otherwise.
            scale_decoder_outputs: !mt5 && self.scale_decoder_outputs.unwrap_or(tied),
            pad_token_id,
            eos_token_id: self.eos_token_id.unwrap_or(vec![1]),
            decoder_start_token_id: self.decoder_start_token_id.unwrap_or(pad_token_id),
            model_type: self.model_type,
        })
    }
}

/// The head of the first class of `architectures`, which may be the encoder alone (`T5EncoderModel`).
fn head(text: &str) -> Result<Option<HeadConfig>, ModelError> {
    #[derive(Deserialize)]
    struct Fields {
        architectures: Option<Vec<String>>,
    }
    let fields: Fields = read(text, "t5 or mt5", SPELLINGS)?;
    let class = fields.architectures.iter().flatten().next();
    if class.is_some_and(|name| name.ends_with("EncoderModel")) {
        return Ok(Some(HeadConfig {
            task: Task::FeatureExtraction,
            ..HeadConfig::read(text, "t5 or mt5")?
        }));
    }
    HeadConfig::of_decoder(text)
}

fn dense_activation(name: &str) -> Result<Activation, ModelError> {
    let (field, expected) = ("dense_act_fn", "an activation such as relu, gelu, gelu_new or silu");
    let unknown = || ModelError::Field { field, found: format!("`{name}`"), expected };
    Activation::from_name(name).ok_or_else(unknown)
}

/// Reads `feed_forward_proj`, such as `relu` or `gated-gelu`. T5's `gated-gelu` means the tanh approximation.
fn feed_forward(projection: &str) -> Result<(Activation, bool), ModelError> {
    let (name, gated) = match projection.strip_prefix("gated-") {
        Some("gelu") => ("gelu_new", true),
        Some(name) => (name, true),
        None => (projection, false),
    };
    let activation = Activation::from_name(name).ok_or_else(|| ModelError::Field {
        field: "feed_forward_proj",
        found: format!("`{projection}`"),
        expected: "an activation such as relu, gelu, gelu_new or silu, with `gated-` before it or not",
    })?;
    Ok((activation, gated))
}

impl HasShape for T5Config {
    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }

    fn shape(&self) -> Shape {
        if self.task() == Task::FeatureExtraction {
            let shape = Shape::of_one_stack(self.num_layers, self.num_heads, self.d_attention());
            return Shape { cached: 0, ..shape };
        }
        Shape {
            two_stacks: true,
            attentions: self.num_layers + 2 * self.num_decoder_layers,
            heads: self.num_heads,
            // Only the encoder reads the prompt, and each block of the decoder caches the keys and values of it.
            cached: 2 * self.num_decoder_layers * self.d_attention(),
            experts: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_fields_take_the_defaults_of_the_model_type() {
        let t5 = T5Config::from_json(r#"{"model_type": "t5"}"#).unwrap();
        assert_eq!((t5.vocab_size, t5.d_ff, t5.num_layers, t5.num_heads), (32_128, 2_048, 6, 8));
        assert_eq!((t5.activation, t5.is_gated), (Activation::Relu, false));
        let mt5 = T5Config::from_json(r#"{"model_type": "mt5", "num_layers": 3}"#).unwrap();
        assert_eq!((mt5.vocab_size, mt5.d_ff, mt5.num_decoder_layers), (250_112, 1_024, 3));
        assert_eq!((mt5.activation, mt5.is_gated), (Activation::GeluTanh, true));
    }

    #[test]
    fn the_decoder_output_is_scaled_as_transformers_does() {
        let scales = |json: &str| T5Config::from_json(json).unwrap().scale_decoder_outputs;
        assert!(scales(r#"{"model_type": "t5"}"#));
        assert!(!scales(r#"{"model_type": "t5", "tie_word_embeddings": false}"#));
        assert!(!scales(
            r#"{"model_type": "t5", "tie_word_embeddings": true, "scale_decoder_outputs": false}"#
        ));
        assert!(!scales(
            r#"{"model_type": "mt5", "tie_word_embeddings": true, "scale_decoder_outputs": true}"#
        ));
    }

    #[test]
    fn impossible_values_are_named() {
        let error = |json: &str| T5Config::from_json(json).unwrap_err().to_string();
        let zero = error(r#"{"model_type": "t5", "num_heads": 0}"#);
        assert_eq!(zero, "`num_heads` is 0 in config.json, expected a positive size of at most 2097152");
        let activation = error(r#"{"model_type": "t5", "feed_forward_proj": "gated-prelu"}"#);
        assert!(
            activation.starts_with("`feed_forward_proj` is `gated-prelu` in config.json"),
            "{activation}"
        );
        assert!(error("{").contains("config.json is not a configuration of t5 or mt5"));
    }
}
