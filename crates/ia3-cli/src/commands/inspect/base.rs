//! The report on a base.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use ia3::io::Checkpoint;
use ia3::{Bits, Ia3Config};
use ia3_guard::quote;
use serde::Serialize;

use crate::commands::base_config;

/// A base, from its `config.json` and the header of its weights. No weight is read.
#[derive(Serialize)]
pub(crate) struct BaseReport {
    kind: &'static str,
    model_type: String,
    parameters: usize,
    weights: Option<Weights>,
    default_adapter: Option<DefaultAdapter>,
}

#[derive(Serialize)]
struct Weights {
    bytes: u64,
    tensors: usize,
    dtypes: BTreeMap<String, usize>,
    /// The bits of the weights of linear layers, if they are integers.
    quantized_bits: Option<u8>,
    /// The program that quantised the weights, which are read as floats.
    quantized_by: Option<&'static str>,
}

/// The adapter of PEFT's default configuration.
#[derive(Serialize)]
struct DefaultAdapter {
    trainable_parameters: usize,
    percent: f64,
    sites: Vec<Site>,
    #[serde(skip)]
    plan: String,
}

#[derive(Serialize)]
struct Site {
    path: String,
    placement: String,
    len: usize,
}

pub(crate) fn report(path: &Path, device: &Device) -> anyhow::Result<BaseReport> {
    let config = base_config::read(path)?;
    let weights = match path.is_dir() {
        true => Some(Checkpoint::open(path)?),
        false => None,
    };
    let config = match &weights {
        Some(weights) => ia3::with_head_of(config, weights)?,
        None => config,
    };
    let model = config.init(device);
    let parameters = model.num_params();
    Ok(BaseReport {
        kind: "base",
        model_type: config.model_type().into(),
        parameters,
        weights: weights.as_ref().map(describe).transpose()?,
        default_adapter: default_adapter(&model.info(), parameters),
    })
}

fn describe(checkpoint: &Checkpoint) -> anyhow::Result<Weights> {
    let mut dtypes = BTreeMap::new();
    for tensor in checkpoint.tensors() {
        *dtypes.entry(format!("{:?}", tensor.dtype)).or_insert(0) += 1;
    }
    let quantized_bits = checkpoint.quantization()?.map(|bits| match bits {
        Bits::Eight => 8,
        Bits::Four => 4,
    });
    let (bytes, tensors) = (checkpoint.total_bytes(), checkpoint.tensors().count());
    let quantized_by = checkpoint.quantized_by();
    Ok(Weights { bytes, tensors, dtypes, quantized_bits, quantized_by })
}

fn default_adapter(info: &ia3::ModelInfo, parameters: usize) -> Option<DefaultAdapter> {
    let plan = Ia3Config::new().plan(info).ok()?;
    let trainable_parameters = plan.trainable_parameters();
    let site = |s: &ia3::Site| Site { path: s.path.clone(), placement: s.placement.to_string(), len: s.len };
    Some(DefaultAdapter {
        trainable_parameters,
        percent: 100.0 * trainable_parameters as f64 / (parameters + trainable_parameters) as f64,
        sites: plan.sites.iter().map(site).collect(),
        plan: plan.to_string(),
    })
}

impl fmt::Display for BaseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "base of type {}, {} parameters", quote(&self.model_type), self.parameters)?;
        if let Some(w) = &self.weights {
            let dtypes: Vec<String> = w.dtypes.iter().map(|(dtype, n)| format!("{n} {dtype}")).collect();
            write!(f, "\nweights: {} bytes in {} tensors ({})", w.bytes, w.tensors, dtypes.join(", "))?;
            w.quantized_bits.map_or(Ok(()), |bits| write!(f, ", linear layers in {bits} bits"))?;
            w.quantized_by.map_or(Ok(()), |program| write!(f, ", quantised by {program}"))?;
        }
        let Some(adapter) = &self.default_adapter else { return Ok(()) };
        let (trainable, percent) = (adapter.trainable_parameters, adapter.percent);
        write!(
            f,
            "\n\nPEFT's default adapter: {trainable} trainable parameters ({percent:.4} %)\n{}",
            adapter.plan
        )?;
        write!(f, "\n\n{:60} {:9} {:>7}", "site", "scales", "length")?;
        adapter.sites.iter().try_for_each(|s| write!(f, "\n{:60} {:9} {:7}", s.path, s.placement, s.len))
    }
}
