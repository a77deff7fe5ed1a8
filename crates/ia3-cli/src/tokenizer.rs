//! Texts: the tokenizer of a base, and files of lines.

use std::path::Path;

use anyhow::{anyhow, bail};
use ia3::data::{DataError, Tokenizer};
use ia3_guard::{Limit, quote_path};

use crate::text_file;

/// Opens the tokenizer of a base. Its ids are checked against the vocabulary of the model.
pub(crate) fn open(base: &Path) -> anyhow::Result<Tokenizer> {
    open_or(base, "")
}

/// Opens the tokenizer of a base for a command that takes token ids too.
pub(crate) fn open_for_prompts(base: &Path) -> anyhow::Result<Tokenizer> {
    open_or(base, ", or give token ids with --inputs instead of text")
}

fn open_or(base: &Path, other: &str) -> anyhow::Result<Tokenizer> {
    // A folder without a model is the fault to name, rather than the tokenizer that it lacks too.
    let config = ia3::read_config(base)?;
    match Tokenizer::of_base(base)? {
        Some(tokenizer) => Ok(tokenizer.with_vocab_size(config.vocab_size())),
        None if base.is_dir() => {
            bail!("{} has no tokenizer; add the tokenizer.json of the model{other}", quote_path(base))
        }
        None => {
            bail!("{} has no tokenizer in its metadata; take a folder that has one{other}", quote_path(base))
        }
    }
}

/// The token ids of the lines of a file.
pub(crate) fn encoded(
    path: &Path,
    lines: &[String],
    encode: impl Fn(&str) -> Result<Vec<i64>, DataError>,
) -> anyhow::Result<Vec<Vec<i64>>> {
    let encode = |(index, line): (usize, &String)| {
        encode(line).map_err(|error| anyhow!("{}, line {}: {error}", quote_path(path), index + 1))
    };
    lines.iter().enumerate().map(encode).collect()
}

/// The lines of a file. An empty line is an error; `what` names what a line has to be.
pub(crate) fn lines(path: &Path, what: &str) -> anyhow::Result<Vec<String>> {
    let text = text_file::read(path, Limit::TEXT)?;
    let lines: Vec<String> = text.lines().map(str::to_string).collect();
    match lines.iter().position(|line| line.trim().is_empty()) {
        Some(line) => {
            bail!("line {} of {} is empty; every line has to be {what}", line + 1, quote_path(path))
        }
        None if lines.is_empty() => bail!("{} is empty; every line has to be {what}", quote_path(path)),
        None => Ok(lines),
    }
}
