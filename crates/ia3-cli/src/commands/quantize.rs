use std::fmt;
use std::process::ExitCode;

use burn::tensor::Device;
use ia3::{PretrainedOptions, Quantization};
use serde::Serialize;

use super::{base_model, merge};
use crate::args::{Format, Quantize};
use crate::output;

#[derive(Serialize)]
struct Report {
    /// Layers whose weights are integers.
    quantized_layers: usize,
    /// Linear layers that stay floats: the head unless it was asked for, and those that no size of blocks divides.
    left: Vec<String>,
    /// `‖W − Wq‖ / ‖W‖` of the worst weight.
    worst_relative_error: f64,
    bytes: u64,
    out: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { quantized_layers, left, worst_relative_error: worst, bytes, out } = self;
        write!(f, "{quantized_layers} layers quantised, relative error of a weight {worst:.1e} at most")?;
        if !left.is_empty() {
            write!(f, "\nleft as they are: {}", left.join(", "))?;
        }
        write!(f, "\n{bytes} bytes -> {out}")
    }
}

pub(crate) fn run(args: &Quantize, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    let how = Quantization::new(base_model::bits(args.scheme)).with_head(args.head);
    let options = PretrainedOptions::new().with_quantization(how);
    let base = base_model::load_with(&args.base, &options, device)?;
    base_model::note_fresh(&base, &[]);
    let saved = merge::save(&base.model, &args.base, &args.out)?;
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
