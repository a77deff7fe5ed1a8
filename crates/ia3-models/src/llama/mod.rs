//! Llama, Mistral, Qwen2, Qwen3, SmolLM3 and OLMo 2: rotary positions, RMS norms, grouped key-value heads, a gated
//! feed-forward layer.
//!
//! arXiv 2302.13971, 2310.06825, 2407.10671, 2505.09388, 2501.00656; field names are Hugging Face's (`modeling_llama.py`), so module paths and
//! checkpoint keys agree.

mod attention;
mod block;
mod config;
mod model;
mod model_type;

pub use attention::LlamaAttention;
pub use block::{LlamaDecoderLayer, LlamaMLP};
pub use config::{LlamaConfig, QkNorm};
pub use model::{LlamaForCausalLM, LlamaModel};
