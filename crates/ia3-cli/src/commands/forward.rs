//! `ia3 forward`.

use std::fmt;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::bail;
use burn::tensor::{DType, Device, TensorData};
use ia3::data::{Pixels, TokenPair};
use ia3::models::Model;
use ia3::train::image_batch;
use ia3::{ModelInputs, NonFinite, Task};
use ia3_guard::quote_path;
use serde::Serialize;

use super::adapted_model::AdaptedModel;
use super::text_rows;
use crate::args::{Format, Forward};
use crate::progress::Progress;
use crate::tokenizer;
use crate::{out, output, tensor_files};

#[derive(Serialize)]
struct Report {
    logits: Vec<usize>,
    out: String,
    seconds: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "logits {:?} in {:.3} s -> {}", self.logits, self.seconds, self.out)
    }
}

pub(crate) fn run(args: &Forward, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    out::file(&args.out)?;
    let source = Source::read(args, device)?;
    let model = AdaptedModel::new(&args.model, device)?;
    let start = Instant::now();
    let logits = match &source {
        Source::Inputs(inputs) => {
            let _waiting = Progress::waiting("computing");
            logits(&model.for_all(inputs.rows())?, inputs, args)?
        }
        Source::Texts(rows) => {
            let longest = rows.iter().map(|row| row.ids.len()).max().unwrap_or(0);
            let batches = of_rows(&model, rows, args, |model, rows| text_rows::batch(model, rows, device))?;
            stack(batches, longest)
        }
        Source::Images(images) => {
            let batch = |_: &Model, images: &[Pixels]| Ok(image_batch(images, device).unwrap_or_default());
            let tokens = ia3::read_config(&args.model.base)?.image().map_or(0, |image| image.tokens);
            stack(of_rows(&model, images, args, batch)?, tokens)
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    check_finite(&logits, args)?;
    write(&logits, model.base().task(), args)?;
    let (shape, out) = (logits.shape().to_vec(), args.out.display().to_string());
    output::report_on(&Report { logits: shape, out, seconds }, format, &args.out)?;
    Ok(ExitCode::SUCCESS)
}

/// The input: tensors, or the token ids of one text, or of two, per row, or images.
enum Source {
    Inputs(Box<ModelInputs>),
    Texts(Vec<TokenPair>),
    Images(Vec<Pixels>),
}

impl Source {
    fn read(args: &Forward, device: &Device) -> anyhow::Result<Self> {
        let config = ia3::read_config(&args.model.base)?;
        if let Some(path) = &args.inputs {
            let inputs = match config.image() {
                None => tensor_files::read(path, config.vocab_size(), device)?,
                Some(_) => tensor_files::read_images(path, device)?,
            };
            return Ok(Self::Inputs(Box::new(inputs)));
        }
        if !args.images.is_empty() {
            return Ok(Self::Images(images(&args.model.base, &config, &args.images)?));
        }
        if config.image().is_some() {
            bail!("a `{}` model reads images, not texts; give files with --images", config.model_type());
        }
        let tokenizer = tokenizer::open_for_prompts(&args.model.base)?;
        let task = config.init(device).task();
        if task == Task::SpeechSeq2Seq {
            bail!(
                "a `{}` model reads the features of sound, which --texts does not give; give `input_features` and \
                 `decoder_input_ids` with --inputs, or take `ia3 generate`",
                config.model_type()
            );
        }
        if task == Task::Seq2SeqLm {
            bail!(
                "a `{}` model needs the tokens of its decoder too, which --texts does not give; give `input_ids` and \
                 `decoder_input_ids` with --inputs, or take `ia3 generate`",
                config.model_type()
            );
        }
        Ok(Self::Texts(text_rows::read(args, &tokenizer)?))
    }
}

/// Writes the result under the name of its kind: `start_logits` and `end_logits` `[batch, seq]` of spans, the
/// `last_hidden_state` of a model without a head, else `logits`.
fn write(logits: &TensorData, task: Task, args: &Forward) -> anyhow::Result<()> {
    let name = if task == Task::FeatureExtraction { "last_hidden_state" } else { "logits" };
    let &[rows, seq, 2] = logits.shape().as_slice() else {
        return tensor_files::write(&args.out, name, logits);
    };
    if task != Task::QuestionAnswering {
        return tensor_files::write(&args.out, name, logits);
    }
    let side = |end: usize| {
        let values: Vec<f32> = logits.iter::<f32>().skip(end).step_by(2).collect();
        TensorData::new(values, [rows, seq])
    };
    Ok(ia3::io::write_tensors(&args.out, &[("start_logits", &side(0)), ("end_logits", &side(1))])?)
}

/// The logits in float32: `[batch, seq, vocab]`, `[batch, vocab]` at the last tokens, `[batch, num_labels]` of a classifier,
/// `[batch, choices]` of a model that chooses, `[batch, seq, num_labels]` of a classifier of tokens, or `[batch, seq, 2]` of spans.
fn logits(model: &Model, inputs: &ModelInputs, args: &Forward) -> anyhow::Result<TensorData> {
    match args.last || !model.task().by_token() {
        true => Ok(model.last_logits(inputs)?.cast(DType::F32).try_into_data()?),
        false => Ok(model.forward(inputs)?.cast(DType::F32).try_into_data()?),
    }
}

/// Refuses logits that mean nothing.
fn check_finite(logits: &TensorData, args: &Forward) -> anyhow::Result<()> {
    match NonFinite::of("logits", logits) {
        None => Ok(()),
        Some(found) => {
            bail!("{found}, so `{}` was not written; check the base and the adapter", quote_path(&args.out))
        }
    }
}

/// The logits of the rows, batch by batch.
fn of_rows<R>(
    model: &AdaptedModel,
    rows: &[R],
    args: &Forward,
    batch: impl Fn(&Model, &[R]) -> anyhow::Result<ModelInputs>,
) -> anyhow::Result<Vec<TensorData>> {
    let mut all: Vec<TensorData> = vec![];
    model.check(rows.len())?;
    let batch_size = args.batch_size.max(1);
    let progress = Progress::of("computing", rows.len(), 0, "rows");
    for (i, rows) in rows.chunks(batch_size).enumerate() {
        let first = i * batch_size;
        let model = model.for_rows(first..first + rows.len())?;
        all.push(logits(&model, &batch(&model, rows)?, args)?);
        progress.set(first + rows.len(), "");
    }
    Ok(all)
}

#[cfg(feature = "images")]
use super::images::read as images;

#[cfg(not(feature = "images"))]
fn images(
    _: &std::path::Path,
    _: &ia3::ModelConfig,
    _: &[std::path::PathBuf],
) -> anyhow::Result<Vec<Pixels>> {
    bail!("this program was built without the feature `images`; give `pixel_values` with --inputs")
}

/// Concatenates batches. Where there is an axis of tokens, the logits of shorter texts are padded with zeros.
fn stack(batches: Vec<TensorData>, longest: usize) -> TensorData {
    let rows = batches.iter().map(|b| b.shape()[0]).sum();
    let mut shape = batches[0].shape().to_vec();
    shape[0] = rows;
    if let [_, seq, _] = shape.as_mut_slice() {
        *seq = longest;
    }
    let row: usize = shape[1..].iter().product();
    let fill = |batch: &TensorData| -> Vec<f32> {
        let values: Vec<f32> = batch.iter().collect();
        let padded = |v: &[f32]| [v, &vec![0.0; row - v.len()]].concat();
        values.chunks(values.len() / batch.shape()[0]).flat_map(padded).collect()
    };
    TensorData::new(batches.iter().flat_map(fill).collect::<Vec<_>>(), shape)
}
