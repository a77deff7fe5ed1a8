//! BART, mBART, Marian and M2M-100 (NLLB). They are encoder-decoders with positions that are added to the embeddings, layer norms
//! and biases.
//!
//! The models are those of arXiv 1910.13461, 2001.08210, 1804.00344 and 2010.11125. The names of the fields are Hugging Face's
//! (`modeling_bart.py`), so module paths equal checkpoint keys.

mod architecture;
mod attention;
mod config;
mod config_json;
mod embeddings;
mod layer;
mod layerdrop;
mod model;
mod positions;
mod settings;
mod stack;

pub use attention::BartAttention;
pub use config::{BartConfig, BartPositions};
pub use layer::{BartDecoderLayer, BartEncoderLayer};
pub use model::{BartForConditionalGeneration, BartModel};
pub use stack::{BartDecoder, BartEncoder};

pub(crate) use embeddings::Embeddings;
pub(crate) use layer::norm;
pub(crate) use positions::Positions;
pub(crate) use settings::{BlockSettings, StackSettings};
pub(crate) use stack::encoded;
