//! ESM-2 and ESM-1b, language models of proteins: BERT's layers with the norms before them.
//!
//! The models are those of Lin et al. 2023 (doi 10.1126/science.ade2574) and Rives et al. 2021 (doi 10.1073/pnas.2016239118).
//! The names of the fields are Hugging Face's (`modeling_esm.py`), so module paths equal checkpoint keys. ESM-2 has rotary
//! positions and scales its embeddings by the share of hidden tokens; ESM-1b has learned positions, which count from the id of
//! the padding token.

mod architecture;
mod attention;
mod config;
mod contact_head;
mod embeddings;
mod layer;
mod model;
mod output;
mod rotary;
mod token_dropout;

pub use attention::{EsmAttention, EsmSelfAttention};
pub use config::{EsmConfig, EsmPositions};
pub use contact_head::EsmContactPredictionHead;
pub use embeddings::EsmEmbeddings;
pub use layer::EsmLayer;
pub use model::{EsmEncoder, EsmModel, EsmPooler};
pub use output::EsmOutput;
pub use rotary::EsmRotaryEmbedding;
