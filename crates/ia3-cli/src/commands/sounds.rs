//! Sounds as the rows of a model of speech.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use ia3::GenerationFile;
use ia3::data::audio::{LogMel, SoundRows};
use ia3::data::{Example, Fields};
use ia3::models::Model;

use super::generation;
use crate::args::DataArgs;
use crate::tokenizer;

/// Reads rows of data with sounds. `model` may lack its weights.
pub(super) fn rows(base: &Path, model: &Model, args: &DataArgs, fields: Fields) -> anyhow::Result<SoundRows> {
    let log_mel = LogMel::open(base)?;
    let shape = model.sound().context("the model reads no sound")?;
    let (found, expected) = ([log_mel.bins(), log_mel.frames()], [shape.bins, shape.frames]);
    ensure!(
        found == expected,
        "preprocessor_config.json gives features of {found:?} (bins, frames), but the model reads {expected:?}; copy the file from \
         the model's own folder"
    );
    let (prompt, end) = prompt(base, model, args)?;
    let rows = SoundRows::new(log_mel, tokenizer::open(base)?, prompt, end, fields);
    Ok(rows.with_max_target_tokens(args.max_target_tokens))
}

/// What the decoder reads between its start token and the text, and the id that ends the text.
fn prompt(base: &Path, model: &Model, args: &DataArgs) -> anyhow::Result<(Vec<i64>, i64)> {
    let file = generation::of_speech(GenerationFile::open(base)?, &args.language, &args.task)?;
    let settings = file.applied_to(model.generation_config(1));
    if !settings.languages.is_empty() {
        bail!(
            "the model knows {} languages, and nothing says which one the sounds have; give --language, such as `en`",
            settings.languages.len()
        );
    }
    let end = settings.eos_token_id.first().copied();
    Ok((settings.decoder_prompt, end.context("the base has no `eos_token_id`, which ends a text")?))
}

/// The rows of a file; each has one variant.
pub(super) fn examples(rows: &SoundRows, path: &Path) -> anyhow::Result<Vec<Vec<Example>>> {
    Ok(rows.read(path)?.into_iter().map(|example| vec![example]).collect())
}
