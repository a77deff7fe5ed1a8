//! GPT-NeoX and Pythia. They have rotary positions on a share of each head, one projection for queries, keys and values whose
//! outputs are interleaved by head, and an attention and a feed-forward layer that may read the same state.
//!
//! The models are those of arXiv 2204.06745 and 2304.01373. The names of the fields are Hugging Face's
//! (`modeling_gpt_neox.py`), so module paths equal checkpoint keys.

mod attention;
mod block;
mod config;
mod model;

pub use attention::GPTNeoXAttention;
pub use block::{GPTNeoXLayer, GPTNeoXMLP};
pub use config::GPTNeoXConfig;
pub use model::{GPTNeoXForCausalLM, GPTNeoXModel};
