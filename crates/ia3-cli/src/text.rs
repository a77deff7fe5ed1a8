use std::path::Path;

use anyhow::{Context, bail};
use ia3::Task;
use ia3::data::{ModelKind, Text};
use ia3::models::Model;

/// The tokenizer of a base.
pub(crate) fn open(base: &Path) -> anyhow::Result<Text> {
    let path = base.join("tokenizer.json");
    if !path.exists() {
        bail!("{} has no tokenizer.json; give token ids with --inputs instead of text", base.display());
    }
    Ok(Text::open(&path)?)
}

/// What a model reads and answers with.
pub(crate) fn kind(model: &Model) -> ModelKind {
    match model.task() {
        Task::Seq2SeqLm => ModelKind::EncoderDecoder,
        Task::CausalLm => ModelKind::Decoder { ends: model.generation_config(0).eos_token_id },
        Task::SequenceClassification => ModelKind::Classifier,
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
