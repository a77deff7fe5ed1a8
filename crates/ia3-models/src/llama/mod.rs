//! Llama, Mistral, Qwen2, Qwen3, SmolLM3, OLMo 2, Mixtral, Qwen3-MoE, and Gemma 1 to 3. They have rotary positions, RMS norms,
//! grouped heads of keys and values, and a gated feed-forward layer, or several of which each token takes some.
//!
//! The models are those of arXiv 2302.13971, 2310.06825, 2407.10671, 2505.09388, 2501.00656, 2403.08295, 2408.00118 and
//! 2503.19786. The names of the fields are Hugging Face's (`modeling_llama.py`, `modeling_gemma2.py`), so module paths equal
//! checkpoint keys.

mod attention;
mod block;
mod config;
mod config_json;
mod experts;
mod feed_forward;
mod gemma_defaults;
mod gemma_json;
mod mlp;
mod model;
mod model_type;

pub use attention::LlamaAttention;
pub use block::LlamaDecoderLayer;
pub use config::{BlockNorms, Experts, LlamaConfig, QkNorm};
pub use experts::{MixtralExpert, MixtralSparseMoeBlock};
pub use feed_forward::{FeedForward, Qwen3MoeSparseMoeBlock};
pub use mlp::LlamaMLP;
pub use model::{LlamaForCausalLM, LlamaModel};
