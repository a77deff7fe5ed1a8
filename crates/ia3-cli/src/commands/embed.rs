//! `ia3 embed`.

use std::fmt;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::bail;
use burn::tensor::{Device, Tensor, TensorData};
use ia3::models::{PaddingSide, Pooling, normalized};
use ia3::{NonFinite, SentenceConfig};
use ia3_guard::quote_path;
use serde::Serialize;

use super::adapted_model::AdaptedModel;
use crate::args::{Embed, Format, PoolingName};
use crate::progress::Progress;
use crate::tokenizer::{self, encoded, lines};
use crate::{out, output, tensor_files};

#[derive(Serialize)]
struct Report {
    embeddings: Vec<usize>,
    pooling: &'static str,
    normalized: bool,
    out: String,
    seconds: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { embeddings, pooling, normalized, out, seconds } = self;
        let length = if *normalized { ", scaled to length 1" } else { "" };
        write!(f, "embeddings {embeddings:?} ({pooling} pooling{length}) in {seconds:.3} s -> {out}")
    }
}

pub(crate) fn run(args: &Embed, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    out::file(&args.out)?;
    let config = config(args)?;
    let rows = rows(args, &config)?;
    let model = AdaptedModel::without_head(&args.model, device)?;
    model.check(rows.len())?;
    let start = Instant::now();
    let embeddings = embed(&model, &rows, args, &config, device)?;
    if let Some(found) = NonFinite::of("embeddings", &embeddings) {
        bail!("{found}, so `{}` was not written; check the base and the adapter", quote_path(&args.out))
    }
    tensor_files::write(&args.out, "embeddings", &embeddings)?;
    let report = Report {
        embeddings: embeddings.shape().to_vec(),
        pooling: name(config.pooling),
        normalized: config.normalize,
        out: args.out.display().to_string(),
        seconds: start.elapsed().as_secs_f64(),
    };
    output::report_on(&report, format, &args.out)?;
    Ok(ExitCode::SUCCESS)
}

/// What the folder of the base says, with the options that were given in its place.
fn config(args: &Embed) -> anyhow::Result<SentenceConfig> {
    let mut config = SentenceConfig::of(&args.model.base)?;
    if let Some(pooling) = args.pooling {
        config.pooling = match pooling {
            PoolingName::Mean => Pooling::Mean,
            PoolingName::Cls => Pooling::Cls,
            PoolingName::Last => Pooling::Last,
        };
    }
    config.normalize |= args.normalize;
    config.max_tokens = args.max_input_tokens.or(config.max_tokens);
    Ok(config)
}

fn name(pooling: Pooling) -> &'static str {
    match pooling {
        Pooling::Cls => "cls",
        Pooling::Last => "last",
        _ => "mean",
    }
}

fn rows(args: &Embed, config: &SentenceConfig) -> anyhow::Result<Vec<Vec<i64>>> {
    let tokenizer = tokenizer::open(&args.model.base)?;
    let encode = |line: &str| tokenizer.encode(&config.text(line), config.max_tokens);
    encoded(&args.texts, &lines(&args.texts, "a text")?, encode)
}

/// The embeddings `[texts, d]`. Texts of similar length share a batch.
fn embed(
    model: &AdaptedModel,
    rows: &[Vec<i64>],
    args: &Embed,
    config: &SentenceConfig,
    device: &Device,
) -> anyhow::Result<TensorData> {
    let mut batches = vec![];
    let batch_size = args.batch_size.max(1);
    let progress = Progress::of("embedding", rows.len(), 0, "texts");
    for (i, texts) in rows.chunks(batch_size).enumerate() {
        let first = i * batch_size;
        let model = model.for_rows(first..first + texts.len())?;
        let inputs = model.batch(texts, PaddingSide::Right, device)?;
        let pooled =
            config.pooling.forward(model.last_hidden_state(&inputs)?, inputs.attention_mask.as_ref());
        batches.push(if config.normalize { normalized(pooled) } else { pooled });
        progress.set(first + texts.len(), "");
    }
    Ok(Tensor::cat(batches, 0).try_into_data()?)
}
