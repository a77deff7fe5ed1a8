//! T5 v1.0, v1.1 (flan, T0, ByT5) and mT5: encoder-decoder with relative position biases and RMS norms.
//!
//! arXiv 1910.10683; field names are Hugging Face's (`modeling_t5.py`), so module paths and checkpoint keys agree.

mod architecture;
mod attention;
mod block;
mod config;
mod feed_forward;
mod init;
mod model;
mod position;
mod stack;

pub use attention::T5Attention;
pub use block::{T5DecoderBlock, T5EncoderBlock, T5LayerCrossAttention, T5LayerFF, T5LayerSelfAttention};
pub use config::T5Config;
pub use feed_forward::T5DenseReluDense;
pub use model::T5ForConditionalGeneration;
pub use stack::{T5Decoder, T5Encoder};
