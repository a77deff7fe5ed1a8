use serde::Deserialize;

use crate::activation::Activation;
use crate::config_field::{
    Spelling, expect, expect_divides, expect_dropout, expect_layers, expect_positive, expect_sizes, ids, read,
};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::rotary::RotaryFrequencies;
use crate::shape::{HasShape, Shape};

/// The `config.json` of GPT-J (Hugging Face's `GPTJConfig`), with its defaults.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct GPTJConfig {
    /// The size of the vocabulary, which is the number of rows of the embedding and of the head.
    pub vocab_size: usize,
    /// The number of positions, which is the largest number of tokens of a batch entry.
    pub n_positions: usize,
    /// The width of the hidden states.
    pub n_embd: usize,
    /// The number of blocks.
    pub n_layer: usize,
    /// The number of attention heads.
    pub n_head: usize,
    /// The number of features of each head that are rotated.
    pub rotary_dim: usize,
    /// The width of the feed-forward layer. If it is absent, it is `4·n_embd`.
    pub n_inner: Option<usize>,
    /// The activation of the feed-forward layer.
    pub activation_function: Activation,
    /// The dropout on the output of each layer, in training.
    pub resid_pdrop: f64,
    /// The dropout on the embeddings.
    pub embd_pdrop: f64,
    /// The dropout on the attention weights.
    pub attn_pdrop: f64,
    /// The epsilon of the norms.
    pub layer_norm_epsilon: f64,
    /// The standard deviation of freshly initialised weights.
    pub initializer_range: f64,
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

/// `GPTJConfig.attribute_map` of transformers.
const SPELLINGS: &[Spelling] = &[
    Spelling::Attribute("hidden_size", "n_embd"),
    Spelling::Attribute("max_position_embeddings", "n_positions"),
    Spelling::Attribute("num_attention_heads", "n_head"),
    Spelling::Attribute("num_hidden_layers", "n_layer"),
];

impl Default for GPTJConfig {
    fn default() -> Self {
        Self {
            vocab_size: 50_400,
            n_positions: 2048,
            n_embd: 4096,
            n_layer: 28,
            n_head: 16,
            rotary_dim: 64,
            n_inner: None,
            activation_function: Activation::GeluTanh,
            resid_pdrop: 0.0,
            embd_pdrop: 0.0,
            attn_pdrop: 0.0,
            layer_norm_epsilon: 1e-5,
            initializer_range: 0.02,
            tie_word_embeddings: false,
            head: None,
            float32_states: false,
            pad_token_id: None,
            eos_token_id: vec![50_256],
        }
    }
}

impl GPTJConfig {
    /// The `model_type` of Hugging Face.
    pub(crate) fn hugging_face_type(&self) -> &str {
        "gptj"
    }

    /// Reads Hugging Face's `config.json`. A field that is absent has its default.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let config: Self = read(text, "gptj", SPELLINGS)?;
        config.check()?;
        Ok(Self { head: HeadConfig::of_decoder(text)?, ..config })
    }

    /// The width of the feed-forward layer.
    pub fn d_inner(&self) -> usize {
        self.n_inner.unwrap_or(self.n_embd.saturating_mul(4))
    }

    /// The angles per position of the rotary embeddings.
    pub(crate) fn frequencies(&self) -> RotaryFrequencies {
        RotaryFrequencies::of_width(self.rotary_dim)
    }

    fn check(&self) -> Result<(), ModelError> {
        expect_sizes([
            ("vocab_size", self.vocab_size),
            ("n_positions", self.n_positions),
            ("n_embd", self.n_embd),
            ("n_inner", self.d_inner()),
        ])?;
        expect_layers("n_layer", self.n_layer)?;
        expect_divides("n_head", self.n_head, self.n_embd, "a divisor of `n_embd`")?;
        let (rotated, d_head) = (self.rotary_dim, self.n_embd / self.n_head);
        let even = rotated > 0 && rotated <= d_head && rotated.is_multiple_of(2);
        expect(even, "rotary_dim", rotated, "an even number of features, at most those of a head")?;
        let expected = "false, because the head has a bias";
        expect(!self.tie_word_embeddings, "tie_word_embeddings", true, expected)?;
        expect_dropout("resid_pdrop", self.resid_pdrop)?;
        expect_dropout("embd_pdrop", self.embd_pdrop)?;
        expect_dropout("attn_pdrop", self.attn_pdrop)?;
        expect_positive("layer_norm_epsilon", self.layer_norm_epsilon)
    }
}

impl HasShape for GPTJConfig {
    fn activation(&self) -> Option<Activation> {
        Some(self.activation_function)
    }

    fn shape(&self) -> Shape {
        Shape::of_one_stack(self.n_layer, self.n_head, self.n_embd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_model_cannot_be_is_named() {
        let error = |json: &str| GPTJConfig::from_json(json).unwrap_err().to_string();
        let expected =
            "`rotary_dim` is 3 in config.json, expected an even number of features, at most those of a head";
        assert_eq!(error(r#"{"rotary_dim": 3}"#), expected);
        let expected =
            "`tie_word_embeddings` is true in config.json, expected false, because the head has a bias";
        assert_eq!(error(r#"{"tie_word_embeddings": true}"#), expected);
    }
}
