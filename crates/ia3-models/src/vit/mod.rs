//! ViT, which classifies images: their patches are the tokens of an encoder with a norm before each layer.
//!
//! The model is that of arXiv 2010.11929. The names of the fields are those of transformers 5 (`modeling_vit.py`), which PEFT
//! writes in adapters. Checkpoints have the names of transformers 4, `encoder.layer.N.attention.attention.key` for
//! `layers.N.attention.k_proj`; both are read, and the former are written, as transformers 5 does.

mod architecture;
mod attention;
mod config;
mod embeddings;
mod layer;
mod model;
mod names;

pub use attention::ViTAttention;
pub use config::ViTConfig;
pub use embeddings::{ViTEmbeddings, ViTPatchEmbeddings};
pub use layer::{ViTLayer, ViTMlp};
pub use model::{ViTModel, ViTPooler};
