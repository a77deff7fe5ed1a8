//! The image tower of CLIP, as a classifier of images or alone.
//!
//! The model is that of arXiv 2103.00020. The names of the fields are Hugging Face's (`modeling_clip.py`), so module paths equal
//! checkpoint keys. A checkpoint of a whole CLIP has the tower too; its other tensors have no use here.

mod architecture;
mod attention;
mod config;
mod embeddings;
mod layer;
mod model;

pub use attention::ClipAttention;
pub use config::ClipConfig;
pub use embeddings::ClipVisionEmbeddings;
pub use layer::ClipEncoderLayer;
pub use model::{ClipEncoder, ClipVisionModel};
