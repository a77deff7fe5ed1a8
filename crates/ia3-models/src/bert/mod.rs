//! BERT as a sequence classifier. It has learned positions and token types, a norm after each layer, and a pooler on the first
//! token.
//!
//! The model is that of arXiv 1810.04805. The names of the fields are Hugging Face's (`modeling_bert.py`), so module paths equal
//! checkpoint keys.

mod architecture;
mod attention;
mod config;
mod embeddings;
mod layer;
mod model;

pub use attention::{BertAttention, BertSelfAttention, BertSelfOutput};
pub use config::BertConfig;
pub use embeddings::BertEmbeddings;
pub use layer::{BertIntermediate, BertLayer, BertOutput};
pub use model::{BertEncoder, BertForSequenceClassification, BertModel, BertPooler};
