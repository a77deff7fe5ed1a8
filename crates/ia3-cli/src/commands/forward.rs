use std::fmt;
use std::process::ExitCode;
use std::time::Instant;

use burn::tensor::{DType, Device};
use serde::Serialize;

use super::model;
use crate::args::{Format, Forward};
use crate::{inputs, output};

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
    let inputs = inputs::read(&args.inputs, device)?;
    let model = model::adapted(&args.model, device)?;
    let start = Instant::now();
    let logits = model.forward(&inputs)?.cast(DType::F32);
    let shape = logits.dims().to_vec();
    let data = logits.try_into_data()?;
    let seconds = start.elapsed().as_secs_f64();
    inputs::write(&args.out, "logits", &data)?;
    let out = args.out.display().to_string();
    output::report(&Report { logits: shape, out, seconds }, format)?;
    Ok(ExitCode::SUCCESS)
}
