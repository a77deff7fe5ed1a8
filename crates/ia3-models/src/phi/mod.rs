//! Phi (1, 1.5 and 2). It has rotary positions on a share of each head, and attention and feed-forward layer read the same
//! normalised state.
//!
//! The models are those of arXiv 2306.11644 and 2309.05463. The names of the fields are Hugging Face's (`modeling_phi.py`), so
//! module paths equal checkpoint keys.

mod attention;
mod block;
mod config;
mod model;

pub use attention::PhiAttention;
pub use block::{PhiDecoderLayer, PhiMLP};
pub use config::PhiConfig;
pub use model::{PhiForCausalLM, PhiModel};
