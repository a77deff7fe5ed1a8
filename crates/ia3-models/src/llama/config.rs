use crate::activation::Activation;
use crate::config_field::{expect_dropout, expect_positive, expect_sizes};
use crate::error::ModelError;
use crate::rotary::RotaryFrequencies;
use crate::shape::{HasShape, Shape};

/// The `config.json` of Llama, Mistral, Qwen2, Qwen3, SmolLM3 and OLMo 2 (Hugging Face's `LlamaConfig`, `MistralConfig`,
/// `Qwen2Config`, `Qwen3Config`, `SmolLM3Config` and `Olmo2Config`), with their defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct LlamaConfig {
    /// `llama`, `mistral`, `qwen2`, `qwen3`, `smollm3` or `olmo2`. They differ in their biases, norms, windows and defaults.
    pub model_type: String,
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
    /// The number of heads of the keys and values. It divides the number of heads of the queries.
    pub num_key_value_heads: usize,
    /// The width of one head.
    pub head_dim: usize,
    /// The activation of the gate.
    pub hidden_act: Activation,
    /// The epsilon of the RMS norms.
    pub rms_norm_eps: f64,
    /// The standard deviation of freshly initialised weights.
    pub initializer_range: f64,
    /// The dropout on the attention weights, in training.
    pub attention_dropout: f64,
    /// Whether queries, keys and values have a bias: always in Qwen2, never in Mistral, elsewhere as `attention_bias` says.
    pub qkv_bias: bool,
    /// Whether the attention's output has a bias, as `attention_bias` says; never in Mistral and Qwen2.
    pub output_bias: bool,
    /// Whether the feed-forward layer has biases.
    pub mlp_bias: bool,
    /// The norm of queries and keys before their rotation (Qwen3 and OLMo 2).
    pub qk_norm: Option<QkNorm>,
    /// Whether the norms follow the attention and the feed-forward layer instead of preceding them (OLMo 2).
    pub norm_after: bool,
    /// The angle per position of each pair of values of a head, for the rotary embeddings.
    pub rotary_frequencies: RotaryFrequencies,
    /// Whether each block has rotary positions. SmolLM3 has blocks without them.
    pub rotary_layers: Vec<bool>,
    /// The window of each block: the number of tokens that a token sees, including itself. `None` means that it sees all
    /// tokens before it. Llama and OLMo 2 have no windows.
    pub windows: Vec<Option<usize>>,
    /// Whether the head is the embedding. A checkpoint that holds another `lm_head.weight` overrides this field.
    pub tie_word_embeddings: bool,
    /// Whether the states are float32 where the weights are in half precision; see
    /// [`ModelConfig::with_float32_states`](crate::ModelConfig::with_float32_states).
    pub float32_states: bool,
    /// The id of the padding token.
    pub pad_token_id: Option<i64>,
    /// The ids of the tokens that end a sequence.
    pub eos_token_id: Vec<i64>,
}

/// What one RMS norm of queries and keys takes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QkNorm {
    /// The features of one head; all heads share the factors (Qwen3).
    Head,
    /// The features of all heads (OLMo 2).
    AllHeads,
}

impl LlamaConfig {
    /// The `model_type` of Hugging Face.
    pub(crate) fn hugging_face_type(&self) -> &str {
        &self.model_type
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        expect_sizes([
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("head_dim", self.head_dim),
            ("num_attention_heads", self.num_attention_heads),
            ("num_attention_heads · head_dim", self.num_attention_heads.saturating_mul(self.head_dim)),
        ])?;
        expect_dropout("attention_dropout", self.attention_dropout)?;
        expect_positive("rms_norm_eps", self.rms_norm_eps)
    }
}

impl HasShape for LlamaConfig {
    fn shape(&self) -> Shape {
        let d_kv = self.num_key_value_heads * self.head_dim;
        Shape::of_one_stack(self.num_hidden_layers, self.num_attention_heads, d_kv)
    }
}
