//! T5 v1.0, T5 v1.1 (Flan-T5, T0, ByT5) and mT5. They are encoder-decoders with relative position biases and RMS norms.
//!
//! The model is that of arXiv 1910.10683. The names of the fields are Hugging Face's (`modeling_t5.py`), so module paths equal
//! checkpoint keys.

mod architecture;
mod attention;
mod block;
mod classifier;
mod config;
mod encoder;
mod feed_forward;
mod init;
mod model;
mod position;
mod stack;
mod task_model;

pub use attention::T5Attention;
pub use block::{T5DecoderBlock, T5EncoderBlock, T5LayerCrossAttention, T5LayerFF, T5LayerSelfAttention};
pub use classifier::{T5ClassificationHead, T5ForSequenceClassification, T5Model};
pub use config::T5Config;
pub use encoder::T5EncoderModel;
pub use feed_forward::T5DenseReluDense;
pub use model::T5ForConditionalGeneration;
pub use stack::{T5Decoder, T5Encoder};
pub use task_model::T5;
