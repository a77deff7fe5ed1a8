//! Llama, Mistral, Qwen2, Qwen3, SmolLM3 and OLMo 2. They have rotary positions, RMS norms, grouped heads of keys and values,
//! and a gated feed-forward layer.
//!
//! The models are those of arXiv 2302.13971, 2310.06825, 2407.10671, 2505.09388 and 2501.00656. The names of the fields are
//! Hugging Face's (`modeling_llama.py`), so module paths equal checkpoint keys.

mod attention;
mod block;
mod config;
mod config_json;
mod model;
mod model_type;

pub use attention::LlamaAttention;
pub use block::{LlamaDecoderLayer, LlamaMLP};
pub use config::{LlamaConfig, QkNorm};
pub use model::{LlamaForCausalLM, LlamaModel};
