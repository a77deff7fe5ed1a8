//! GPT-J. It has rotary positions on the first features of each head, where neighbours form the pairs, and attention and
//! feed-forward layer read the same normalised state.
//!
//! The names of the fields are Hugging Face's (`modeling_gptj.py`), so module paths equal checkpoint keys.

mod attention;
mod block;
mod config;
mod model;

pub use attention::GPTJAttention;
pub use block::{GPTJBlock, GPTJMLP};
pub use config::GPTJConfig;
pub use model::{GPTJForCausalLM, GPTJModel};
