//! GPT-Neo. It has learned positions, blocks that see only the last tokens, and scores that are not scaled.
//!
//! The names of the fields are Hugging Face's (`modeling_gpt_neo.py`), so module paths equal checkpoint keys.

mod attention;
mod block;
mod config;
mod model;

pub use attention::{GPTNeoAttention, GPTNeoSelfAttention};
pub use block::{GPTNeoBlock, GPTNeoMLP};
pub use config::GPTNeoConfig;
pub use model::{GPTNeoForCausalLM, GPTNeoModel};
