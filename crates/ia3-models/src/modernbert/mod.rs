//! ModernBERT: an encoder with rotary positions, windows in most layers, and gated feed-forward layers.
//!
//! The model is that of arXiv 2412.13663. The names of the fields are Hugging Face's (`modeling_modernbert.py`), so module paths
//! equal checkpoint keys. Layers with a window have another rotary base than layers without one. The norms have no biases
//! unless the configuration says so, and the first block has no norm before its attention.

mod architecture;
mod attention;
mod config;
mod layer;
mod mlp;
mod model;
mod sight;

pub use attention::ModernBertAttention;
pub use config::{ClassifierPooling, ModernBertConfig};
pub use layer::ModernBertEncoderLayer;
pub use mlp::ModernBertMLP;
pub use model::{ModernBertEmbeddings, ModernBertModel};
