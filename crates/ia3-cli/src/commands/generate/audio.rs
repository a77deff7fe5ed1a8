//! Generation from sound: what is said in WAV files, or its translation.

use std::path::PathBuf;

use anyhow::bail;
use burn::tensor::{Device, Tensor, TensorData};
use ia3::data::audio::LogMel;
use ia3::models::{GenerationConfig, Model};
use ia3::{ModelInputs, Task};

use super::Report;
use crate::args::{Format, Generate};
use crate::commands::adapted_model::AdaptedModel;
use crate::commands::generation::{self, Batch};
use crate::output;
use crate::progress::Progress;
use crate::tokenizer;

/// Generates from `--audio`, and prints the texts of a batch as soon as they are known. Returns the rows, and the id that pads
/// them.
pub(super) fn generate(
    args: &Generate,
    device: &Device,
    format: Format,
    non_finite: &mut usize,
) -> anyhow::Result<(Report, i64)> {
    let model = AdaptedModel::new(&args.model, device)?;
    if model.base().task() != Task::SpeechSeq2Seq {
        let kind = model.base().info().model_type.unwrap_or_default();
        bail!("--audio is for a model of speech, and the base is a `{kind}` model; give it a --prompt");
    }
    model.check(args.audio.len())?;
    let tokenizer = tokenizer::open(&args.model.base)?;
    let log_mel = LogMel::open(&args.model.base)?;
    let file = super::generation_file(args, None)?;
    let progress = Progress::of("generating", args.audio.len(), 0, "files");
    let mut report = Report { texts: vec![], ids: vec![] };
    let (batch_size, mut done) = (args.batch_size.max(1), 0);
    for paths in args.audio.chunks(batch_size) {
        let model = model.for_rows(done..done + paths.len())?;
        done += paths.len();
        let inputs = features(&log_mel, paths, device)?;
        let config = with_room(generation::config(&model, &file, &args.generation)?, &model, args);
        let stop = Some((&tokenizer, args.generation.stop.as_slice()));
        let batch = Batch { model: &model, inputs: &inputs, config, stop };
        let first = report.texts.len();
        for row in batch.generate(non_finite, &mut |_| Ok(()))? {
            report.texts.push(tokenizer.decode(&row)?);
            report.ids.push(row);
        }
        if format == Format::Text {
            let print = |text: &String| output::generated_on(text, args.out.as_deref());
            progress.above(|| report.texts[first..].iter().try_for_each(print))?;
        }
        progress.set(done, "");
    }
    Ok((report, model.base().pad_token_id()))
}

/// The features of the files, each of which is a row.
fn features(log_mel: &LogMel, paths: &[PathBuf], device: &Device) -> anyhow::Result<ModelInputs> {
    let mut values = vec![];
    for path in paths {
        values.extend(log_mel.features_of_file(path)?);
    }
    let shape = [paths.len(), log_mel.bins(), log_mel.frames()];
    Ok(ModelInputs::from_features(Tensor::from_data(TensorData::new(values, shape), device)))
}

/// The settings with as many new tokens as the decoder has positions, unless the options name a number.
fn with_room(config: GenerationConfig, model: &Model, args: &Generate) -> GenerationConfig {
    match (model, args.generation.max_new_tokens) {
        (Model::Whisper(model), None) => {
            let prompt = 1 + usize::from(!config.languages.is_empty()) + config.decoder_prompt.len();
            let room = model.config().max_target_positions.saturating_sub(prompt);
            config.with_max_new_tokens(room.max(1))
        }
        _ => config,
    }
}
