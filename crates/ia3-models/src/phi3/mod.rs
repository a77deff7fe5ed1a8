//! Phi-3, Phi-3.5 and Phi-4. They have RMS norms, one projection for queries, keys and values, one for the gate and the matrix
//! beside it, and rotary positions that may change beyond the length of the first training.
//!
//! The models are those of arXiv 2404.14219 and 2503.01743. The names of the fields are Hugging Face's (`modeling_phi3.py`), so
//! module paths equal checkpoint keys.

mod attention;
mod block;
mod config;
mod model;

pub use attention::Phi3Attention;
pub use block::{Phi3DecoderLayer, Phi3MLP};
pub use config::Phi3Config;
pub use model::{Phi3ForCausalLM, Phi3Model};
