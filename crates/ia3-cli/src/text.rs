use std::path::Path;

use anyhow::{Context, bail};
use tokenizers::{Tokenizer, TruncationDirection, TruncationParams, TruncationStrategy};

/// The tokenizer of a base.
pub(crate) struct Text {
    tokenizer: Tokenizer,
}

impl Text {
    /// Reads `tokenizer.json`; its own padding and truncation are switched off.
    pub(crate) fn open(base: &Path) -> anyhow::Result<Self> {
        let path = base.join("tokenizer.json");
        if !path.exists() {
            bail!("{} has no tokenizer.json; give token ids with --inputs instead of text", base.display());
        }
        let read = Tokenizer::from_file(&path).map_err(anyhow::Error::from_boxed);
        let mut tokenizer = read.with_context(|| format!("cannot read {}", path.display()))?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(anyhow::Error::from_boxed)?;
        Ok(Self { tokenizer })
    }

    /// Cuts longer texts to `max` tokens, the end token included.
    pub(crate) fn encode(&self, text: &str, max: Option<usize>) -> anyhow::Result<Vec<i64>> {
        let mut encoding = self.tokenizer.encode(text, true).map_err(anyhow::Error::from_boxed)?;
        if let Some(max) = max.filter(|&max| encoding.len() > max) {
            let mut tokenizer = self.tokenizer.clone();
            let params = TruncationParams {
                max_length: max,
                strategy: TruncationStrategy::LongestFirst,
                stride: 0,
                direction: TruncationDirection::Right,
            };
            tokenizer.with_truncation(Some(params)).map_err(anyhow::Error::from_boxed)?;
            encoding = tokenizer.encode(text, true).map_err(anyhow::Error::from_boxed)?;
        }
        Ok(encoding.get_ids().iter().map(|&id| id.into()).collect())
    }

    pub(crate) fn decode(&self, ids: &[i64]) -> anyhow::Result<String> {
        let ids: Vec<u32> = ids.iter().filter_map(|&id| id.try_into().ok()).collect();
        self.tokenizer.decode(&ids, true).map_err(anyhow::Error::from_boxed)
    }
}
