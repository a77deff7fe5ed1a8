//! BERT, RoBERTa, XLM-RoBERTa and ELECTRA. They have learned positions and token types, and a norm after each layer.
//!
//! The models are those of arXiv 1810.04805, 1907.11692, 1911.02116 and 2003.10555. The names of the fields are Hugging Face's
//! (`modeling_bert.py`), so module paths equal checkpoint keys. RoBERTa counts positions from the id of the padding token,
//! ELECTRA may have narrower embeddings, and their heads differ.

mod architecture;
mod attention;
mod config;
mod embeddings;
mod head;
mod intermediate;
mod layer;
mod model;
mod output;

pub use attention::{BertAttention, BertSelfAttention};
pub use config::BertConfig;
pub use embeddings::BertEmbeddings;
pub use intermediate::BertIntermediate;
pub use layer::BertLayer;
pub use model::{BertEncoder, BertModel, BertPooler};
pub use output::BertOutput;
