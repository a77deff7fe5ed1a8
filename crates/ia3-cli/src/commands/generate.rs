//! `ia3 generate`.

use std::fmt;
use std::process::ExitCode;

use anyhow::bail;
use burn::tensor::{Device, TensorData};
use ia3::ModelInputs;
use ia3::models::{GenerationConfig, Model, Sampling};
use ia3_guard::quote_path;
use serde::Serialize;

use super::adapted_model::AdaptedModel;
use crate::args::{Format, Generate};
use crate::tokenizer::{self, encoded, lines};
use crate::{out, output, tensor_files};

#[derive(Serialize)]
struct Report {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    texts: Vec<String>,
    ids: Vec<Vec<i64>>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = match self.texts.is_empty() {
            true => self
                .ids
                .iter()
                .map(|row| row.iter().map(i64::to_string).collect::<Vec<_>>().join(" "))
                .collect(),
            false => self.texts.clone(),
        };
        write!(f, "{}", lines.join("\n"))
    }
}

pub(crate) fn run(args: &Generate, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    args.out.as_deref().map_or(Ok(()), out::file)?;
    let mut non_finite = 0;
    let (report, pad) = match &args.inputs {
        Some(path) => {
            let vocab_size = ia3::read_config(&args.model.base)?.vocab_size();
            let inputs = tensor_files::read(path, vocab_size, device)?;
            let model = AdaptedModel::new(&args.model, device)?.for_all(tensor_files::rows(&inputs))?;
            let ids = generate(&model, &inputs, args, &mut non_finite, &mut |_| Ok(()))?;
            (Report { texts: vec![], ids }, model.pad_token_id())
        }
        None => from_text(args, device, &mut non_finite)?,
    };
    check_finite(non_finite, args)?;
    if let Some(out) = &args.out {
        tensor_files::write(out, "ids", &rectangle(&report.ids, pad))?;
    }
    match args.stream {
        true => println!(),
        false => match (format, &args.out) {
            (Format::Text, out) => output::generated_on(&report.to_string(), out.as_deref())?,
            (Format::Json, Some(out)) => output::report_on(&report, format, out)?,
            (Format::Json, None) => output::report(&report, format)?,
        },
    }
    Ok(ExitCode::SUCCESS)
}

/// Notes logits that mean nothing, and refuses to write what was chosen from them.
fn check_finite(non_finite: usize, args: &Generate) -> anyhow::Result<()> {
    match &args.out {
        _ if non_finite == 0 => return Ok(()),
        None => output::note(format!(
            "{non_finite} values of `logits` are NaN or infinite, so the tokens mean nothing"
        )),
        Some(out) => bail!(
            "{non_finite} values of `logits` are NaN or infinite, so `{}` was not written; check the base and the adapter",
            quote_path(out)
        ),
    }
    Ok(())
}

fn from_text(args: &Generate, device: &Device, non_finite: &mut usize) -> anyhow::Result<(Report, i64)> {
    let prompts = match &args.prompts {
        Some(path) => lines(path, "a prompt")?,
        None => args.prompt.iter().cloned().collect(),
    };
    let tokenizer = tokenizer::open(&args.model.base)?;
    let model = AdaptedModel::new(&args.model, device)?;
    model.check(prompts.len())?;
    let kind = ia3::model_kind(model.base());
    let encode = |prompt: &str| tokenizer.encode_prompt(prompt, None, &kind);
    let encoded = match &args.prompts {
        Some(path) => encoded(path, &prompts, encode)?,
        None => prompts.iter().map(|prompt| encode(prompt)).collect::<Result<_, _>>()?,
    };
    let mut stream = tokenizer.streaming(output::piece);
    let mut on_token = |id| if args.stream { Ok(stream(id)?) } else { Ok(()) };
    let mut ids = vec![];
    let batch_size = args.batch_size.max(1);
    for (i, rows) in encoded.chunks(batch_size).enumerate() {
        let first = i * batch_size;
        let model = model.for_rows(first..first + rows.len())?;
        let inputs = model.batch(rows, model.padding_side(), device)?;
        ids.extend(generate(&model, &inputs, args, non_finite, &mut on_token)?);
    }
    let texts = ids.iter().map(|row| tokenizer.decode(row)).collect::<Result<_, _>>()?;
    Ok((Report { texts, ids }, model.base().pad_token_id()))
}

/// Generates for all rows, and counts the logits that are not finite. `on_token` is called with each new token of the first row.
fn generate(
    model: &Model,
    inputs: &ModelInputs,
    args: &Generate,
    non_finite: &mut usize,
    on_token: &mut dyn FnMut(i64) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Vec<i64>>> {
    let mut shown = Ok(());
    let ids = model.generate_with(inputs, &config(model, args), |step| {
        if shown.is_ok() {
            shown = on_token(step.tokens[0]);
        }
    });
    let generated = ids?;
    shown?;
    *non_finite += generated.non_finite;
    let ids = generated.ids;
    let width = ids.dims()[1];
    let ids: Vec<i64> = ids.try_into_data()?.iter().collect();
    Ok(ids.chunks(width).map(<[i64]>::to_vec).collect())
}

fn config(model: &Model, args: &Generate) -> GenerationConfig {
    let sampling = Sampling::new()
        .with_temperature(args.temperature)
        .with_top_k(args.top_k)
        .with_top_p(args.top_p)
        .with_seed(args.seed);
    model
        .generation_config(args.max_new_tokens)
        .with_min_new_tokens(args.min_new_tokens)
        .with_sampling(args.sample.then_some(sampling))
}

/// The rows of several batches as one tensor. Shorter rows are padded.
fn rectangle(rows: &[Vec<i64>], pad: i64) -> TensorData {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let fill = |row: &Vec<i64>| {
        let mut row = row.clone();
        row.resize(width, pad);
        row
    };
    TensorData::new(rows.iter().flat_map(fill).collect::<Vec<i64>>(), [rows.len(), width])
}
