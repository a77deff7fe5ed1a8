use serde::Deserialize;

use crate::activation::Activation;
use crate::config_field::{
    expect, expect_divides, expect_dropout, expect_layers, expect_positive, expect_sizes, ids, read,
};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::fused_heads::FusedHeads;
use crate::rotary::{Beside, RopeParameters, RotaryFrequencies};
use crate::shape::{HasShape, Shape};

/// The `config.json` of GPT-NeoX and Pythia (Hugging Face's `GPTNeoXConfig`), with its defaults.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct GPTNeoXConfig {
    /// The size of the vocabulary, which is the number of rows of the embedding and of the head.
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
    /// The dropout on the attention weights, in training.
    pub attention_dropout: f64,
    /// The dropout on the embeddings and on the output of each layer.
    pub hidden_dropout: f64,
    /// The number of positions that the model was trained on, which some rotary embeddings use.
    pub max_position_embeddings: usize,
    /// The standard deviation of freshly initialised weights.
    pub initializer_range: f64,
    /// The epsilon of the norms.
    pub layer_norm_eps: f64,
    /// Whether the feed-forward layer reads the state before the attention, and both are added to it.
    pub use_parallel_residual: bool,
    /// Whether the projections of the attention have biases.
    pub attention_bias: bool,
    /// The rotary embeddings.
    pub rope_parameters: Option<Box<RopeParameters>>,
    /// The rotary embeddings in older files. If it is not empty, it is used instead of `rope_parameters`.
    pub rope_scaling: Option<Box<RopeParameters>>,
    /// The base of the wavelengths of the rotary embeddings in older files.
    pub rotary_emb_base: Option<f64>,
    /// The share of a head that is rotated, in older files.
    pub rotary_pct: Option<f64>,
    /// Positions that the model was first trained on, where they stand beside the parameters of the rotary embeddings.
    pub original_max_position_embeddings: Option<f64>,
    /// The width of a head, which has to be `hidden_size / num_attention_heads`.
    pub head_dim: Option<usize>,
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

impl Default for GPTNeoXConfig {
    fn default() -> Self {
        Self {
            vocab_size: 50_432,
            hidden_size: 6144,
            num_hidden_layers: 44,
            num_attention_heads: 64,
            intermediate_size: 24_576,
            hidden_act: Activation::Gelu,
            attention_dropout: 0.0,
            hidden_dropout: 0.0,
            max_position_embeddings: 2048,
            initializer_range: 0.02,
            layer_norm_eps: 1e-5,
            use_parallel_residual: true,
            attention_bias: true,
            rope_parameters: None,
            rope_scaling: None,
            rotary_emb_base: None,
            rotary_pct: None,
            original_max_position_embeddings: None,
            head_dim: None,
            tie_word_embeddings: false,
            head: None,
            float32_states: false,
            pad_token_id: None,
            eos_token_id: vec![2],
        }
    }
}

impl GPTNeoXConfig {
    /// The `model_type` of Hugging Face.
    pub(crate) fn hugging_face_type(&self) -> &str {
        "gpt_neox"
    }

    /// Reads Hugging Face's `config.json`. A field that is absent has its default.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let config: Self = read(text, "gpt_neox", &[])?;
        config.check()?;
        Ok(Self { head: HeadConfig::of_decoder(text)?, ..config })
    }

    fn width_of_head(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    /// The order of the outputs of `query_key_value`.
    pub(crate) fn fused_heads(&self) -> FusedHeads {
        FusedHeads::by_head(self.num_attention_heads, self.width_of_head())
    }

    /// The angles per position of the rotary embeddings.
    pub(crate) fn frequencies(&self) -> Result<RotaryFrequencies, ModelError> {
        let beside = Beside {
            rope_theta: self.rotary_emb_base,
            partial_rotary_factor: self.rotary_pct.or(Some(0.25)),
            original_max_position_embeddings: self.original_max_position_embeddings,
            max_position_embeddings: self.max_position_embeddings,
        };
        let (scaling, parameters) =
            (self.rope_scaling.as_deref().cloned(), self.rope_parameters.as_deref().cloned());
        let rope = RopeParameters::resolve(scaling, parameters, beside);
        rope.partial_frequencies(self.width_of_head(), self.max_position_embeddings, "rotary_pct")
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
        let head_dim = self.head_dim.unwrap_or(self.width_of_head());
        let expected = "hidden_size / num_attention_heads";
        expect(head_dim == self.width_of_head(), "head_dim", head_dim, expected)?;
        expect_dropout("attention_dropout", self.attention_dropout)?;
        expect_dropout("hidden_dropout", self.hidden_dropout)?;
        expect_positive("layer_norm_eps", self.layer_norm_eps)?;
        self.frequencies().map(|_| ())
    }
}

impl HasShape for GPTNeoXConfig {
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
    fn a_quarter_of_a_head_is_rotated_unless_a_field_says_otherwise() {
        let pairs = |json: &str| GPTNeoXConfig::from_json(json).unwrap().frequencies().unwrap().pairs();
        assert_eq!(pairs("{}"), 12);
        assert_eq!(pairs(r#"{"rotary_pct": 0.5}"#), 24);
        assert_eq!(pairs(r#"{"rotary_pct": 0.5, "rope_parameters": {"partial_rotary_factor": 1.0}}"#), 48);
        let error = GPTNeoXConfig::from_json(r#"{"rotary_pct": 1.5}"#).unwrap_err().to_string();
        let expected = "`rotary_pct` is 1.5 in config.json, expected a share from 0 to 1 whose pairs of features fit into a head";
        assert_eq!(error, expected);
    }
}
