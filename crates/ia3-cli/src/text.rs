use std::path::Path;

use anyhow::{Context, bail};
use ia3::{Model, Task};
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

    /// With the special tokens of the tokenizer; cuts longer texts to `max` tokens, special ones included.
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

    /// What `model` generates from: a decoder alone goes on from a text that has not ended, whatever the tokenizer adds.
    pub(crate) fn encode_prompt(
        &self,
        text: &str,
        max: Option<usize>,
        model: &Model,
    ) -> anyhow::Result<Vec<i64>> {
        let mut ids = self.encode(text, max)?;
        let ends = model.generation_config(0).eos_token_id;
        if model.task() == Task::CausalLm && ids.len() > 1 {
            ids.pop_if(|id| ends.contains(id));
        }
        Ok(ids)
    }

    /// Without special tokens.
    pub(crate) fn encode_plain(&self, text: &str) -> anyhow::Result<Vec<i64>> {
        let encoding = self.tokenizer.encode(text, false).map_err(anyhow::Error::from_boxed)?;
        Ok(encoding.get_ids().iter().map(|&id| id.into()).collect())
    }

    /// The text of ids that come one by one, for `write` as soon as it is certain.
    pub(crate) fn streaming<'a>(
        &'a self,
        mut write: impl FnMut(&str) + 'a,
    ) -> impl FnMut(i64) -> anyhow::Result<()> + 'a {
        let mut stream = self.tokenizer.decode_stream(true);
        move |id| {
            let Ok(id) = id.try_into() else { return Ok(()) };
            if let Some(text) = stream.step(id).map_err(anyhow::Error::from_boxed)? {
                write(&text);
            }
            Ok(())
        }
    }

    pub(crate) fn decode(&self, ids: &[i64]) -> anyhow::Result<String> {
        let ids: Vec<u32> = ids.iter().filter_map(|&id| id.try_into().ok()).collect();
        self.tokenizer.decode(&ids, true).map_err(anyhow::Error::from_boxed)
    }
}

/// The lines of a file, each of which is `what`; an empty one is an error.
pub(crate) fn lines(path: &Path, what: &str) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines: Vec<String> = text.lines().map(str::to_string).collect();
    match lines.iter().position(|line| line.trim().is_empty()) {
        Some(line) => bail!("line {} of {} is empty; every line is {what}", line + 1, path.display()),
        None if lines.is_empty() => bail!("{} is empty; every line is {what}", path.display()),
        None => Ok(lines),
    }
}
