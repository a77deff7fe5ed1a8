//! Texts: the tokenizer of a base, and files of lines.

use std::path::Path;

use anyhow::bail;
use ia3::data::Tokenizer;
use ia3_guard::Limit;

use crate::text_file;

/// Opens the tokenizer of a base.
pub(crate) fn open(base: &Path) -> anyhow::Result<Tokenizer> {
    let path = base.join("tokenizer.json");
    if !path.exists() {
        bail!(
            "{} has no tokenizer.json; add the one of the model, or give token ids with --inputs instead of text",
            base.display()
        );
    }
    Ok(Tokenizer::open(&path)?)
}

/// The lines of a file. An empty line is an error; `what` names what a line has to be.
pub(crate) fn lines(path: &Path, what: &str) -> anyhow::Result<Vec<String>> {
    let text = text_file::read(path, Limit::TEXT)?;
    let lines: Vec<String> = text.lines().map(str::to_string).collect();
    match lines.iter().position(|line| line.trim().is_empty()) {
        Some(line) => bail!("line {} of {} is empty; every line has to be {what}", line + 1, path.display()),
        None if lines.is_empty() => bail!("{} is empty; every line has to be {what}", path.display()),
        None => Ok(lines),
    }
}
