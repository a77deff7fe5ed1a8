use std::fmt;
use std::process::ExitCode;

use anyhow::{Context, bail};
use burn::tensor::{Device, TensorData};
use ia3::train::{Example, collate};
use ia3::{Model, ModelInputs};
use serde::Serialize;

use super::model;
use crate::args::{Format, Generate};
use crate::text::Text;
use crate::{inputs, output};

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
    if args.max_new_tokens == 0 {
        bail!("--max-new-tokens is 0; there is nothing to generate");
    }
    let report = match &args.inputs {
        Some(path) => {
            let inputs = inputs::read(path, device)?;
            let model = model::adapted(&args.model, device)?;
            Report { texts: vec![], ids: generate(&model, &inputs, args)? }
        }
        None => from_text(args, device)?,
    };
    if let Some(out) = &args.out {
        inputs::write(out, "ids", &rectangle(&report.ids))?;
    }
    output::report(&report, format)?;
    Ok(ExitCode::SUCCESS)
}

fn from_text(args: &Generate, device: &Device) -> anyhow::Result<Report> {
    let prompts = prompts(args)?;
    let text = Text::open(&args.model.base)?;
    let encoded = prompts.iter().map(|p| text.encode(p, None)).collect::<Result<Vec<_>, _>>()?;
    let model = model::adapted(&args.model, device)?;
    let mut ids = vec![];
    for rows in encoded.chunks(args.batch_size.max(1)) {
        ids.extend(generate(&model, &batch(rows, &model, device), args)?);
    }
    let texts = ids.iter().map(|row| text.decode(row)).collect::<Result<_, _>>()?;
    Ok(Report { texts, ids })
}

fn prompts(args: &Generate) -> anyhow::Result<Vec<String>> {
    let Some(path) = &args.prompts else { return Ok(args.prompt.iter().cloned().collect()) };
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines: Vec<String> = text.lines().map(str::to_string).collect();
    match lines.iter().position(|line| line.trim().is_empty()) {
        Some(line) => bail!("line {} of {} is empty; every line is a prompt", line + 1, path.display()),
        None if lines.is_empty() => bail!("{} holds no prompt", path.display()),
        None => Ok(lines),
    }
}

fn batch(rows: &[Vec<i64>], model: &Model, device: &Device) -> ModelInputs {
    let example = |input: &Vec<i64>| Example { input: input.clone(), target: vec![] };
    let examples: Vec<Example> = rows.iter().map(example).collect();
    collate(&examples.iter().collect::<Vec<_>>(), model.pad_token_id(), device).inputs
}

fn generate(model: &Model, inputs: &ModelInputs, args: &Generate) -> anyhow::Result<Vec<Vec<i64>>> {
    let mut config = model.generation_config(args.max_new_tokens);
    config.min_new_tokens = args.min_new_tokens;
    let ids = model.generate(inputs, &config, &mut |_| ())?.ids;
    let width = ids.dims()[1];
    let ids: Vec<i64> = ids.try_into_data()?.iter().collect();
    Ok(ids.chunks(width).map(<[i64]>::to_vec).collect())
}

/// Rows of several batches as one tensor, shorter ones filled with 0.
fn rectangle(rows: &[Vec<i64>]) -> TensorData {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let fill = |row: &Vec<i64>| {
        let mut row = row.clone();
        row.resize(width, 0);
        row
    };
    TensorData::new(rows.iter().flat_map(fill).collect::<Vec<i64>>(), [rows.len(), width])
}
