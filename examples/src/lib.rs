//! What the examples share: a loop for small models, the task, the tokenizer of the shipped base, a progress bar.

mod characters;
#[cfg(doctest)]
mod documents;
mod fit;
mod progress;
pub mod sentiment;
pub mod verbalise;

use std::path::PathBuf;

use ia3::data::{Encoder, ModelKind, TextExample, Tokenizer};

pub use characters::tokenizer_json;
pub use fit::{difference, fit};
pub use progress::Progress;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The base that ships with the project.
pub fn base_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("base")
}

/// Texts as token ids for an encoder-decoder, both sides ending with the end token.
///
/// # Errors
///
/// What the tokenizer reports.
pub fn encode(
    tokenizer: Tokenizer,
    examples: &[verbalise::Example],
) -> anyhow::Result<Vec<ia3::train::Example>> {
    let encoder = Encoder::new(tokenizer, ModelKind::EncoderDecoder);
    let texts = examples.iter().cloned().map(TextExample::from);
    Ok(texts.map(|example| encoder.encode(&example)).collect::<Result<_, _>>()?)
}
