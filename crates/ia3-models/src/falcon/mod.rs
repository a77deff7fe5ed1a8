//! Falcon in its four shapes: 7B (multi-query, parallel attention), 40B (grouped heads, two norms), 11B (grouped heads,
//! one norm) and RW-1B (alibi, sequential attention).
//!
//! arXiv 2311.16867; field names are Hugging Face's (`modeling_falcon.py`), so module paths and checkpoint keys agree.

mod alibi;
mod attention;
mod block;
mod config;
mod model;

pub use attention::FalconAttention;
pub use block::{FalconDecoderLayer, FalconMLP};
pub use config::FalconConfig;
pub use model::{FalconForCausalLM, FalconModel};
