//! Llama, Mistral and Qwen2. They have rotary positions, RMS norms, grouped heads of keys and values, and a gated feed-forward
//! layer.
//!
//! The models are those of arXiv 2302.13971, 2310.06825 and 2407.10671. The names of the fields are Hugging Face's
//! (`modeling_llama.py`), so module paths equal checkpoint keys.

mod attention;
mod block;
mod config;
mod model;

pub use attention::LlamaAttention;
pub use block::{LlamaDecoderLayer, LlamaMLP};
pub use config::LlamaConfig;
pub use model::{LlamaForCausalLM, LlamaModel};
