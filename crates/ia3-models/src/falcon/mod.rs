//! Falcon in its four variants: 7B (multi-query, parallel attention), 40B (grouped heads, two norms), 11B (grouped heads, one
//! norm) and RW-1B (ALiBi, sequential attention).
//!
//! The model is that of arXiv 2311.16867. The names of the fields are Hugging Face's (`modeling_falcon.py`), so module paths
//! equal checkpoint keys.

mod attention;
mod block;
mod config;
mod model;

pub use attention::FalconAttention;
pub use block::{FalconDecoderLayer, FalconMLP};
pub use config::FalconConfig;
pub use model::{FalconForCausalLM, FalconModel};
