//! GPT-2. It has learned positions, a norm before each layer, and one projection `c_attn` for queries, keys and values.
//!
//! The model is that of Radford et al. 2019. The names of the fields are Hugging Face's (`modeling_gpt2.py`), so module paths
//! equal checkpoint keys.

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
