//! OPT and Galactica. They have learned positions that count the real tokens, and a norm before or after each layer.
//!
//! The models are those of arXiv 2205.01068 and 2211.09085. The names of the fields are Hugging Face's (`modeling_opt.py`), so
//! module paths equal checkpoint keys.

mod attention;
mod block;
mod config;
mod model;

pub use attention::OPTAttention;
pub use block::OPTDecoderLayer;
pub use config::OPTConfig;
pub use model::{OPTDecoder, OPTForCausalLM, OPTModel};
