//! GPT-BigCode (SantaCoder, StarCoder). It is GPT-2 with one head of keys and values for all queries.
//!
//! The models are those of arXiv 2301.03988 and 2305.06161. The names of the fields are Hugging Face's
//! (`modeling_gpt_bigcode.py`), so module paths equal checkpoint keys.

mod attention;
mod block;
mod config;
mod model;

pub use attention::GPTBigCodeAttention;
pub use block::{GPTBigCodeBlock, GPTBigCodeMLP};
pub use config::GPTBigCodeConfig;
pub use model::{GPTBigCodeForCausalLM, GPTBigCodeModel};
