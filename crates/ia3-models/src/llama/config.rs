use burn::tensor::Device;

use crate::activation::Activation;
use crate::config_field::{expect_dropout, expect_positive, expect_sizes};
use crate::encoder::HeadConfig;
use crate::error::ModelError;
use crate::norm::RmsNorm;
use crate::rotary::RotaryFrequencies;
use crate::shape::{HasShape, Shape};

/// The `config.json` of Llama, Mistral, Qwen2, Qwen3, SmolLM3, OLMo 2, Mixtral, Qwen3-MoE and Gemma 1 to 3 (Hugging Face's
/// `LlamaConfig`, `MistralConfig`, `Qwen2Config`, `Qwen3Config`, `SmolLM3Config`, `Olmo2Config`, `MixtralConfig`, `Qwen3MoeConfig`, `GemmaConfig`, `Gemma2Config` and
/// `Gemma3TextConfig`), with their defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct LlamaConfig {
    /// `llama`, `mistral`, `qwen2`, `qwen3`, `smollm3`, `olmo2`, `mixtral`, `qwen3_moe`, `gemma`, `gemma2` or `gemma3_text`. They
    /// differ in their biases, norms, windows, experts and defaults.
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
    /// The norm of queries and keys before their rotation (Qwen3, OLMo 2 and Gemma 3).
    pub qk_norm: Option<QkNorm>,
    /// The places of the norms in a block.
    pub block_norms: BlockNorms,
    /// Whether the factor of every norm is 1 more than its weight (Gemma).
    pub norm_plus_one: bool,
    /// Whether the embeddings are multiplied with `√hidden_size` (Gemma).
    pub scale_embeddings: bool,
    /// The attention scores are divided by the root of this number. It is the width of a head except in Gemma 2 and 3.
    pub query_pre_attn_scalar: f64,
    /// The cap `c` of attention scores, which become `c·tanh(score / c)` (Gemma 2).
    pub attn_logit_softcapping: Option<f64>,
    /// The cap `c` of the logits, which become `c·tanh(logit / c)` (Gemma 2 and 3).
    pub final_logit_softcapping: Option<f64>,
    /// The angle per position of each pair of values of a head, for the rotary embeddings.
    pub rotary_frequencies: RotaryFrequencies,
    /// The same of the blocks that have a window, where they have other angles (Gemma 3).
    pub local_rotary_frequencies: Option<RotaryFrequencies>,
    /// Whether each block has rotary positions. SmolLM3 has blocks without them.
    pub rotary_layers: Vec<bool>,
    /// The window of each block: the number of tokens that a token sees, including itself. `None` means that it sees all
    /// tokens before it. Llama, OLMo 2 and Gemma 1 have no windows.
    pub windows: Vec<Option<usize>>,
    /// The experts of the blocks that have some in place of one feed-forward layer (Mixtral and Qwen3-MoE).
    pub experts: Option<Experts>,
    /// Whether the head is the embedding. A checkpoint that holds another `lm_head.weight` overrides this field.
    pub tie_word_embeddings: bool,
    /// The classifier of sequences, or `None` for a language model. `architectures` decides it.
    pub head: Option<HeadConfig>,
    /// Whether the states are float32 where the weights are in half precision; see
    /// [`ModelConfig::with_float32_states`](crate::ModelConfig::with_float32_states).
    pub float32_states: bool,
    /// The id of the padding token.
    pub pad_token_id: Option<i64>,
    /// The ids of the tokens that end a sequence.
    pub eos_token_id: Vec<i64>,
}

/// Feed-forward layers of which each token takes some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Experts {
    /// The number of feed-forward layers of a block.
    pub num_experts: usize,
    /// The number of them that each token takes.
    pub num_experts_per_tok: usize,
    /// The width of each of them.
    pub width: usize,
    /// Whether the weights of the layers that a token takes are scaled to a sum of 1. It is always so in Mixtral.
    pub norm_topk_prob: bool,
    /// Whether each block has them; the others have one feed-forward layer.
    pub layers: Vec<bool>,
}

/// What one RMS norm of queries and keys takes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QkNorm {
    /// The features of one head; all heads share the factors (Qwen3 and Gemma 3).
    Head,
    /// The features of all heads (OLMo 2).
    AllHeads,
}

/// The places of the norms in a block, which has an attention and a feed-forward layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockNorms {
    /// One before each of the two layers.
    Before,
    /// One after each of the two layers (OLMo 2).
    After,
    /// One before and one after each of the two layers (Gemma 2 and 3).
    Around,
}

impl LlamaConfig {
    /// A freshly initialised norm of `width` features.
    pub(super) fn norm(&self, width: usize, device: &Device) -> RmsNorm {
        let new = if self.norm_plus_one { RmsNorm::plus_one } else { RmsNorm::new };
        new(width, self.rms_norm_eps, self.float32_states, device)
    }

    /// The experts of block `layer`, if it has some.
    pub(super) fn experts_of(&self, layer: usize) -> Option<&Experts> {
        self.experts.as_ref().filter(|experts| experts.layers.get(layer) == Some(&true))
    }

    /// Whether experts have the names of Mixtral.
    pub(super) fn is_mixtral(&self) -> bool {
        self.model_type == "mixtral"
    }

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
        expect_positive("query_pre_attn_scalar", self.query_pre_attn_scalar)?;
        let caps = [
            ("attn_logit_softcapping", self.attn_logit_softcapping),
            ("final_logit_softcapping", self.final_logit_softcapping),
        ];
        caps.into_iter()
            .try_for_each(|(field, cap)| cap.map_or(Ok(()), |cap| expect_positive(field, cap)))?;
        expect_positive("rms_norm_eps", self.rms_norm_eps)
    }
}

impl HasShape for LlamaConfig {
    fn shape(&self) -> Shape {
        let d_kv = self.num_key_value_heads * self.head_dim;
        let experts = self.experts.as_ref().map(|experts| [experts.num_experts_per_tok, experts.num_experts]);
        Shape { experts, ..Shape::of_one_stack(self.num_hidden_layers, self.num_attention_heads, d_kv) }
    }
}
