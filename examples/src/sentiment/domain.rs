use std::path::Path;

use ia3::data::{Encoder, Fields, Layout, ModelKind, Tokenizer};
use ia3::train::Example;

use super::DOMAINS;

/// Tokens of a text at most; longer ones are cut.
pub const MAX_TOKENS: usize = 64;

/// The texts of one domain, each of class 1 (positive) or 0.
#[derive(Clone, Debug)]
pub struct Domain {
    /// `movie`, `amazon` or `nyt`.
    pub name: &'static str,
    /// To learn from.
    pub train: Vec<Example>,
    /// To measure on.
    pub test: Vec<Example>,
}

impl Domain {
    /// Reads `<name>_train.jsonl` and `<name>_test.jsonl` of all domains, lines with `text` and `label`, with the tokenizer
    /// of the base.
    ///
    /// # Errors
    ///
    /// What cannot be read.
    pub fn read_all(data: &Path, base: &Path) -> anyhow::Result<Vec<Self>> {
        let tokenizer = Tokenizer::open(&base.join("tokenizer.json"))?;
        let encoder = Encoder::new(tokenizer, ModelKind::Classifier).with_max_input_tokens(MAX_TOKENS);
        let layout = Layout::Fields(Fields::default());
        let read = |name, part| {
            let rows = layout.read(&data.join(format!("{name}_{part}.jsonl")), &encoder)?;
            anyhow::Ok(rows.concat())
        };
        let domain = |name| Ok(Self { name, train: read(name, "train")?, test: read(name, "test")? });
        DOMAINS.into_iter().map(domain).collect()
    }
}
