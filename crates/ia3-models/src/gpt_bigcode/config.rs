use serde::Deserialize;

use crate::activation::Activation;
use crate::config_field::{
    Spelling, expect, expect_divides, expect_dropout, expect_layers, expect_positive, expect_sizes, ids, read,
};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::fused_heads::FusedHeads;
use crate::shape::{HasShape, Shape};

/// The `config.json` of GPT-BigCode (Hugging Face's `GPTBigCodeConfig`), with its defaults.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct GPTBigCodeConfig {
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
    /// Whether scores are divided by `√d_head`.
    pub scale_attn_weights: bool,
    /// One head of keys and values for all queries.
    pub multi_query: bool,
    /// Whether blocks also attend to the states of an encoder, which is not supported.
    pub add_cross_attention: bool,
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

/// `GPTBigCodeConfig.attribute_map` of transformers.
const SPELLINGS: &[Spelling] = &[
    Spelling::Attribute("hidden_size", "n_embd"),
    Spelling::Attribute("max_position_embeddings", "n_positions"),
    Spelling::Attribute("num_attention_heads", "n_head"),
    Spelling::Attribute("num_hidden_layers", "n_layer"),
];

impl Default for GPTBigCodeConfig {
    fn default() -> Self {
        Self {
            vocab_size: 50_257,
            n_positions: 1024,
            n_embd: 768,
            n_layer: 12,
            n_head: 12,
            n_inner: None,
            activation_function: Activation::GeluTanh,
            resid_pdrop: 0.1,
            embd_pdrop: 0.1,
            attn_pdrop: 0.1,
            layer_norm_epsilon: 1e-5,
            initializer_range: 0.02,
            scale_attn_weights: true,
            multi_query: true,
            add_cross_attention: false,
            tie_word_embeddings: true,
            head: None,
            float32_states: false,
            pad_token_id: None,
            eos_token_id: vec![50_256],
        }
    }
}

impl GPTBigCodeConfig {
    /// The `model_type` of Hugging Face.
    pub(crate) fn hugging_face_type(&self) -> &str {
        "gpt_bigcode"
    }

    /// Reads Hugging Face's `config.json`. A field that is absent has its default.
    ///
    /// # Errors
    ///
    /// - [`ModelError::Json`]: the text is not such a configuration.
    /// - [`ModelError::Field`]: a field has a value that is not possible.
    pub fn from_json(text: &str) -> Result<Self, ModelError> {
        let config: Self = read(text, "gpt_bigcode", SPELLINGS)?;
        config.check()?;
        Ok(Self { head: HeadConfig::of_decoder(text)?, ..config })
    }

    /// The width of the feed-forward layer.
    pub fn d_inner(&self) -> usize {
        self.n_inner.unwrap_or(self.n_embd.saturating_mul(4))
    }

    /// The order of the outputs of `c_attn`: all queries before the shared keys and values, or one head after the other.
    pub(crate) fn fused_heads(&self) -> FusedHeads {
        let d_head = self.n_embd / self.n_head;
        match self.multi_query {
            true => FusedHeads::in_order(self.n_head, 1, d_head),
            false => FusedHeads::by_head(self.n_head, d_head),
        }
    }

    /// The standard deviation of fresh weights of the matrices whose outputs are added to the state.
    pub(crate) fn output_std(&self) -> f64 {
        self.initializer_range / (2.0 * self.n_layer as f64).sqrt()
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
        let expected = "false, because there is no encoder";
        expect(!self.add_cross_attention, "add_cross_attention", true, expected)?;
        expect_dropout("resid_pdrop", self.resid_pdrop)?;
        expect_dropout("embd_pdrop", self.embd_pdrop)?;
        expect_dropout("attn_pdrop", self.attn_pdrop)?;
        expect_positive("layer_norm_epsilon", self.layer_norm_epsilon)
    }
}

impl HasShape for GPTBigCodeConfig {
    fn activation(&self) -> Option<Activation> {
        Some(self.activation_function)
    }

    fn shape(&self) -> Shape {
        let heads = self.fused_heads();
        Shape::of_one_stack(self.n_layer, self.n_head, heads.kv_heads() * heads.d_head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_queries_share_a_head_of_keys_unless_a_field_says_otherwise() {
        let heads = |json: &str| GPTBigCodeConfig::from_json(json).unwrap().fused_heads();
        assert_eq!((heads("{}").kv_heads(), heads("{}").width()), (1, 768 + 2 * 64));
        let all = heads(r#"{"multi_query": false}"#);
        assert_eq!((all.kv_heads(), all.width()), (12, 3 * 768));
    }
}
