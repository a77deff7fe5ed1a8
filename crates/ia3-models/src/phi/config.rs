use serde::Deserialize;

use crate::activation::Activation;
use crate::config_field::{
    expect, expect_divides, expect_dropout, expect_layers, expect_positive, expect_sizes, ids, read,
};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::rotary::{Beside, RopeParameters, RotaryFrequencies};
use crate::shape::{HasShape, Shape};

/// The `config.json` of Phi (Hugging Face's `PhiConfig`), with its defaults.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct PhiConfig {
    /// The size of the vocabulary, which is the number of rows of the embedding and of the head.
    pub vocab_size: usize,
    /// The width of the hidden states.
    pub hidden_size: usize,
    /// The width of the feed-forward layer.
    pub intermediate_size: usize,
    /// The number of blocks.
    pub num_hidden_layers: usize,
    /// The number of heads of the queries.
    pub num_attention_heads: usize,
    /// The number of heads of the keys and values. If it is absent, there are as many as heads of the queries.
    pub num_key_value_heads: Option<usize>,
    /// The width of a head, which has to be `hidden_size / num_attention_heads`.
    pub head_dim: Option<usize>,
    /// The dropout on the output of each layer, in training.
    pub resid_pdrop: f64,
    /// The dropout on the embeddings.
    pub embd_pdrop: f64,
    /// The dropout on the attention weights. `null` is 0.
    pub attention_dropout: Option<f64>,
    /// The activation of the feed-forward layer.
    pub hidden_act: Activation,
    /// The number of positions that the model was trained on, which some rotary embeddings use.
    pub max_position_embeddings: usize,
    /// The standard deviation of freshly initialised weights.
    pub initializer_range: f64,
    /// The epsilon of the norms.
    pub layer_norm_eps: f64,
    /// Whether the heads of queries and keys are normalised before their rotation.
    pub qk_layernorm: bool,
    /// The rotary embeddings.
    pub rope_parameters: Option<Box<RopeParameters>>,
    /// The rotary embeddings in older files. If it is not empty, it is used instead of `rope_parameters`.
    pub rope_scaling: Option<Box<RopeParameters>>,
    /// The base of the wavelengths of the rotary embeddings in older files.
    pub rope_theta: Option<f64>,
    /// The share of a head that is rotated, in older files. If it is absent everywhere, it is a half.
    pub partial_rotary_factor: Option<f64>,
    /// Positions that the model was first trained on, where they stand beside the parameters of the rotary embeddings.
    pub original_max_position_embeddings: Option<f64>,
    /// Whether the head has the weight of the embedding. It has to be `false`, because the head has a bias.
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

impl Default for PhiConfig {
    fn default() -> Self {
        Self {
            vocab_size: 51_200,
            hidden_size: 2048,
            intermediate_size: 8192,
            num_hidden_layers: 24,
            num_attention_heads: 32,
            num_key_value_heads: None,
            head_dim: None,
            resid_pdrop: 0.0,
            embd_pdrop: 0.0,
            attention_dropout: None,
            hidden_act: Activation::GeluTanh,
            max_position_embeddings: 2048,
            initializer_range: 0.02,
            layer_norm_eps: 1e-5,
            qk_layernorm: false,
            rope_parameters: None,
            rope_scaling: None,
            rope_theta: None,
            partial_rotary_factor: None,
            original_max_position_embeddings: None,
            tie_word_embeddings: false,
            head: None,
            float32_states: false,
            pad_token_id: None,
            eos_token_id: vec![2],
        }
    }
}

impl PhiConfig {
    /// The `model_type` of Hugging Face.
    pub(crate) fn hugging_face_type(&self) -> &str {
        "phi"
    }

    /// Reads Hugging Face's `config.json`. A field that is absent has its default.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let config: Self = read(text, "phi", &[])?;
        config.check()?;
        Ok(Self { head: HeadConfig::of_decoder(text)?, ..config })
    }

    /// The number of heads of the keys and values.
    pub fn kv_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    /// The width of a head.
    pub fn d_head(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    /// The angles per position of the rotary embeddings.
    pub(crate) fn frequencies(&self) -> Result<RotaryFrequencies, ModelError> {
        let beside = Beside {
            rope_theta: self.rope_theta,
            partial_rotary_factor: self.partial_rotary_factor.or(Some(0.5)),
            original_max_position_embeddings: self.original_max_position_embeddings,
            max_position_embeddings: self.max_position_embeddings,
        };
        let (scaling, parameters) =
            (self.rope_scaling.as_deref().cloned(), self.rope_parameters.as_deref().cloned());
        let rope = RopeParameters::resolve(scaling, parameters, beside);
        let share = rope.partial_rotary_factor.unwrap_or(1.0);
        let width = (self.d_head() as f64 * share) as usize;
        let expected = "a width of which an even number of features is rotated in each head";
        expect(width.is_multiple_of(2), "hidden_size", self.hidden_size, expected)?;
        rope.partial_frequencies(self.d_head(), self.max_position_embeddings, "partial_rotary_factor")
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
        expect_divides("num_key_value_heads", self.kv_heads(), heads, "a divisor of `num_attention_heads`")?;
        let head_dim = self.head_dim.unwrap_or(self.d_head());
        expect(head_dim == self.d_head(), "head_dim", head_dim, "hidden_size / num_attention_heads")?;
        let expected = "false, because the head has a bias";
        expect(!self.tie_word_embeddings, "tie_word_embeddings", true, expected)?;
        expect_dropout("resid_pdrop", self.resid_pdrop)?;
        expect_dropout("embd_pdrop", self.embd_pdrop)?;
        expect_dropout("attention_dropout", self.attention_dropout.unwrap_or(0.0))?;
        expect_positive("layer_norm_eps", self.layer_norm_eps)?;
        self.frequencies().map(|_| ())
    }
}

impl HasShape for PhiConfig {
    fn activation(&self) -> Option<Activation> {
        Some(self.hidden_act)
    }

    fn shape(&self) -> Shape {
        let d_kv = self.kv_heads() * self.d_head();
        Shape::of_one_stack(self.num_hidden_layers, self.num_attention_heads, d_kv)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_head_is_rotated_unless_a_field_says_otherwise() {
        let pairs = |json: &str| PhiConfig::from_json(json).unwrap().frequencies().unwrap().pairs();
        assert_eq!(pairs("{}"), 16);
        assert_eq!(pairs(r#"{"partial_rotary_factor": 0.4, "hidden_size": 2560}"#), 16);
        assert_eq!(pairs(r#"{"rope_parameters": {"partial_rotary_factor": 1.0}}"#), 32);
        let error = PhiConfig::from_json(r#"{"partial_rotary_factor": 0.3}"#).unwrap_err().to_string();
        assert!(error.starts_with("`hidden_size` is 2048 in config.json"), "{error}");
    }
}
