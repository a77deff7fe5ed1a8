//! `ia3 generate`.

#[cfg(feature = "audio")]
mod audio;
mod texts;

use std::fmt;
use std::process::ExitCode;

use anyhow::bail;
use burn::tensor::{Device, TensorData};
use ia3::GenerationFile;
use ia3_guard::quote_path;
use serde::Serialize;

use super::adapted_model::AdaptedModel;
use super::generation::{self, Batch};
use crate::args::{Format, Generate};
use crate::{out, output, tensor_files};

/// What was generated. The texts are printed as soon as they are known, so a report as text is of ids alone.
#[derive(Serialize)]
struct Report {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    texts: Vec<String>,
    ids: Vec<Vec<i64>>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |row: &Vec<i64>| row.iter().map(i64::to_string).collect::<Vec<_>>().join(" ");
        write!(f, "{}", self.ids.iter().map(line).collect::<Vec<_>>().join("\n"))
    }
}

pub(crate) fn run(args: &Generate, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    if args.inputs.is_some() && !args.generation.stop.is_empty() {
        bail!("--stop looks at texts, but --inputs gives token ids; leave one of them out");
    }
    args.out.as_deref().map_or(Ok(()), out::file)?;
    let mut non_finite = 0;
    let (report, pad) = match &args.inputs {
        Some(path) => {
            let vocab_size = ia3::read_config(&args.model.base)?.vocab_size();
            let inputs = tensor_files::read(path, vocab_size, device)?;
            let model = AdaptedModel::new(&args.model, device)?.for_all(inputs.rows())?;
            let file = generation_file(args, None)?;
            let config = generation::config(&model, &file, &args.generation)?;
            let batch = Batch { model: &model, inputs: &inputs, config, stop: None };
            let ids = batch.generate(&mut non_finite, &mut |_| Ok(()))?;
            (Report { texts: vec![], ids }, model.pad_token_id())
        }
        None if !args.audio.is_empty() => of_audio(args, device, format, &mut non_finite)?,
        None => texts::generate(args, device, format, &mut non_finite)?,
    };
    check_finite(non_finite, args)?;
    if let Some(out) = &args.out {
        tensor_files::write(out, "ids", &rectangle(&report.ids, pad))?;
    }
    match (format, &args.out) {
        // The rows have been printed.
        _ if args.stream => (),
        (Format::Text, _) if args.inputs.is_none() => (),
        (Format::Text, out) => output::generated_on(&report.to_string(), out.as_deref())?,
        (Format::Json, Some(out)) => output::report_on(&report, format, out)?,
        (Format::Json, None) => output::report(&report, format)?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(feature = "audio")]
use audio::generate as of_audio;

#[cfg(not(feature = "audio"))]
fn of_audio(_: &Generate, _: &Device, _: Format, _: &mut usize) -> anyhow::Result<(Report, i64)> {
    bail!("this `ia3` was built without sound; build it with `--features audio`")
}

/// The settings in the base's `generation_config.json`, with the language and the task of the options.
fn generation_file(args: &Generate, streams: Option<&'static str>) -> anyhow::Result<GenerationFile> {
    let file = generation::file(&args.model.base, &args.generation, streams)?;
    generation::of_speech(file, &args.language, &args.task)
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
