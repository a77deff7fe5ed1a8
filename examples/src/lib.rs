//! What the examples share: a loop for small models, the task, the tokenizer of the shipped base, a progress bar.

mod characters;
#[cfg(doctest)]
mod documents;
mod fit;
mod progress;
pub mod sentiment;
pub mod verbalise;

use std::path::PathBuf;

pub use characters::{tokenizer, tokenizer_json};
pub use fit::{difference, fit};
pub use progress::Progress;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The base that ships with the project.
pub fn base_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("base")
}

/// Texts as ids, both sides ending with the end token.
///
/// # Errors
///
/// What the tokenizer reports.
pub fn encode(
    tokenizer: &tokenizers::Tokenizer,
    examples: &[verbalise::Example],
) -> anyhow::Result<Vec<ia3::train::Example>> {
    let ids = |text: &str| -> anyhow::Result<Vec<i64>> {
        let encoding = tokenizer.encode(text, true).map_err(anyhow::Error::from_boxed)?;
        Ok(encoding.get_ids().iter().map(|&id| id.into()).collect())
    };
    let example = |e: &verbalise::Example| {
        Ok(ia3::train::Example { input: ids(&e.input)?, target: ids(&e.target)?.into() })
    };
    examples.iter().map(example).collect()
}

/// Ids as text.
///
/// # Errors
///
/// What the tokenizer reports.
pub fn decode(tokenizer: &tokenizers::Tokenizer, ids: &[i64]) -> anyhow::Result<String> {
    let ids: Vec<u32> = ids.iter().filter_map(|&id| id.try_into().ok()).collect();
    tokenizer.decode(&ids, true).map_err(anyhow::Error::from_boxed)
}
