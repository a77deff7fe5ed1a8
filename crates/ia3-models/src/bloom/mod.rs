//! Bloom. It has positions by linear biases on the scores (ALiBi), a norm of the embedding, and one projection for queries,
//! keys and values whose outputs are interleaved by head.
//!
//! The model is that of arXiv 2211.05100. The names of the fields are Hugging Face's (`modeling_bloom.py`), so module paths
//! equal checkpoint keys.

mod attention;
mod block;
mod config;
mod model;

pub use attention::BloomAttention;
pub use block::{BloomBlock, BloomMLP};
pub use config::BloomConfig;
pub use model::{BloomForCausalLM, BloomModel};
