//! The rows of `ia3 forward --texts`: one text per line, or two.

use std::path::Path;

use anyhow::{Context, anyhow, bail};
use burn::tensor::Device;
use ia3::ModelInputs;
use ia3::data::{TokenPair, Tokenizer};
use ia3::models::{Model, PaddingSide};
use ia3_guard::quote_path;

use crate::args::Forward;
use crate::tokenizer::{encoded, lines};

/// The tokens of each row. Those of one text have no types.
pub(super) fn read(args: &Forward, tokenizer: &Tokenizer) -> anyhow::Result<Vec<TokenPair>> {
    let path = args.texts.as_deref().context("--texts names the file of the texts")?;
    let texts = lines(path, "a text")?;
    match &args.text_pairs {
        Some(other) => pairs((path, &texts), other, tokenizer, args.max_input_tokens),
        None => {
            let ids = encoded(path, &texts, |line| tokenizer.encode(line, args.max_input_tokens))?;
            Ok(ids.into_iter().map(|ids| TokenPair { ids, token_type_ids: vec![] }).collect())
        }
    }
}

/// The tokens of each text with the text in the same line of `other`.
fn pairs(
    (path, texts): (&Path, &[String]),
    other: &Path,
    tokenizer: &Tokenizer,
    max: Option<usize>,
) -> anyhow::Result<Vec<TokenPair>> {
    let seconds = lines(other, "a text")?;
    if seconds.len() != texts.len() {
        let [first, second] = [quote_path(path), quote_path(other)];
        bail!(
            "{second} has {} lines, but {first} has {}; the second text of a pair is in the line of the first",
            seconds.len(),
            texts.len()
        );
    }
    let pair = |(index, (first, second)): (usize, (&String, &String))| {
        let tokens = tokenizer.encode_pair(first, second, max);
        let (ids, token_type_ids) =
            tokens.map_err(|error| anyhow!("{}, line {}: {error}", quote_path(path), index + 1))?;
        Ok(TokenPair { ids, token_type_ids })
    };
    texts.iter().zip(&seconds).enumerate().map(pair).collect()
}

/// The rows as one batch, padded on the right.
pub(super) fn batch(model: &Model, rows: &[TokenPair], device: &Device) -> anyhow::Result<ModelInputs> {
    let ids: Vec<Vec<i64>> = rows.iter().map(|row| row.ids.clone()).collect();
    let types: Vec<Vec<i64>> = rows.iter().map(|row| row.token_type_ids.clone()).collect();
    let mut inputs = model.batch(&ids, PaddingSide::Right, device)?;
    if types.iter().any(|types| !types.is_empty()) {
        inputs.token_type_ids = model.token_type_batch(&types, PaddingSide::Right, device);
    }
    Ok(inputs)
}
