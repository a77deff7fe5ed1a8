//! BERT as a sequence classifier: learned positions and token types, norms after each layer, a pooled first token.
//!
//! arXiv 1810.04805; field names are Hugging Face's (`modeling_bert.py`), so module paths and checkpoint keys agree.

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
