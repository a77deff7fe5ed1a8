//! `ia3 quantize`.

use std::fmt;
use std::process::ExitCode;

use burn::tensor::Device;
use ia3::{PretrainedOptions, Quantization};
use ia3_guard::{few, quote};
use serde::Serialize;

use super::{base_model, merge};
use crate::args::{Format, Quantize};
use crate::{out, output};

#[derive(Serialize)]
struct Report {
    /// The number of layers whose weights are integers.
    quantized_layers: usize,
    /// Linear layers that stay floats: the head without `--head`, and layers that no block size divides.
    left: Vec<String>,
    /// The largest relative error `‖W − Wq‖ / ‖W‖` of a weight.
    worst_relative_error: f64,
    bytes: u64,
    out: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { quantized_layers, left, worst_relative_error: worst, bytes, out } = self;
        write!(
            f,
            "{quantized_layers} layers quantised; the largest relative error of a weight is {worst:.1e}"
        )?;
        if !left.is_empty() {
            write!(f, "\nnot quantised: {}", few(left.iter().map(|name| quote(name).into_owned()), ", "))?;
        }
        write!(f, "\n{bytes} bytes -> {out}")
    }
}

pub(crate) fn run(args: &Quantize, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    let folder = out::folder(&args.out)?;
    let how = Quantization::new(base_model::bits(args.scheme)).with_head(args.head);
    let options = PretrainedOptions::new().with_quantization(how);
    let base = base_model::load(&args.base, &options, device)?;
    base_model::check_finite(&base, &args.base)?;
    base_model::note_fresh(&base, &[]);
    let saved = merge::save(&base.model, &args.base, &folder)?;
    let quantized = base.quantized.unwrap_or_default();
    let report = Report {
        quantized_layers: quantized.errors.len(),
        worst_relative_error: quantized.worst(),
        left: quantized.left,
        bytes: saved.bytes,
        out: args.out.display().to_string(),
    };
    output::report(&report, format)?;
    Ok(ExitCode::SUCCESS)
}
