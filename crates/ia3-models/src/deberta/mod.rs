//! DeBERTa and DeBERTa v2 and v3: BERT's layers with an attention whose scores also come from the distance of two tokens.
//!
//! The models are those of arXiv 2006.03654 and 2111.09543. The names of the fields are Hugging Face's (`modeling_deberta.py`,
//! `modeling_deberta_v2.py`), so module paths equal checkpoint keys. The first version has one projection to queries, keys and
//! values, with biases of queries and values beside it; the second one has three, may put distances into buckets, and may have a
//! convolution beside the first block.

mod architecture;
mod attention;
mod config;
mod conv;
mod distances;
mod embeddings;
mod fields;
mod head;
mod layer;
mod model;

pub use attention::DebertaSelfAttention;
pub use config::{DebertaConfig, PositionScores};
pub use conv::DebertaConvLayer;
pub use embeddings::DebertaEmbeddings;
pub use layer::{DebertaAttention, DebertaLayer};
pub use model::{DebertaEncoder, DebertaModel};
