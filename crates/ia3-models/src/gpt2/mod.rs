//! GPT-2: learned positions, norms before each layer, queries, keys and values in one `c_attn`.
//!
//! Radford et al. 2019; field names are Hugging Face's (`modeling_gpt2.py`), so module paths and checkpoint keys agree.

mod attention;
mod block;
mod config;
mod conv1d;
mod model;

pub use attention::GPT2Attention;
pub use block::{GPT2Block, GPT2MLP};
pub use config::GPT2Config;
pub use conv1d::Conv1D;
pub use model::{GPT2LMHeadModel, GPT2Model};
