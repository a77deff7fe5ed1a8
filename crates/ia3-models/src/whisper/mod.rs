//! Whisper, an encoder-decoder that reads the log-mel features of sound and writes text (arXiv 2212.04356).
//!
//! Its blocks and its decoder are BART's with the norms before the layers. The names of the fields are Hugging Face's
//! (`modeling_whisper.py`), so module paths equal checkpoint keys.

mod architecture;
mod config;
mod config_json;
mod encoder;
mod model;
mod settings;

pub use config::WhisperConfig;
pub use encoder::WhisperEncoder;
pub use model::{WhisperForConditionalGeneration, WhisperModel};
