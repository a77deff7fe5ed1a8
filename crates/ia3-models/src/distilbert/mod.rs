//! DistilBERT: BERT's blocks under other names, without token types and pooler.
//!
//! The model is that of arXiv 1910.01108. The names of the fields are Hugging Face's (`modeling_distilbert.py`), so module paths
//! equal checkpoint keys.

mod architecture;
mod block;
mod config;
mod model;

pub use block::{DistilBertAttention, DistilBertBlock, DistilBertFfn};
pub use config::DistilBertConfig;
pub use model::{DistilBertEmbeddings, DistilBertModel, DistilBertTransformer};
