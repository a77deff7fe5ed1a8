//! LoRA adapters that approximate (IA)³ adapters.
//!
//! A vector on outputs changes the weight by `diag(l − 1) · W`, and one on inputs by `W · diag(l − 1)`. A LoRA of rank r holds
//! the best approximation of that change by a matrix of rank r, which is close only where few factors differ from 1, or where
//! the weight itself has a low rank.

mod low_rank;

use std::collections::{BTreeMap, BTreeSet};

use ia3_config::{ModelInfo, ModuleKind, Placement};
use ia3_io::adapter::{CONFIG, WEIGHTS};
use ia3_io::fs::{FolderWrite, OutputFolder, WrittenFiles};
use ia3_io::safetensors::{Source, pytorch_metadata, write_file};
use ia3_io::{AdapterFile, Checkpoint, Dtype, LoadOptions};
use serde_json::json;

use self::low_rank::{LowRank, low_rank};
use crate::error::ConvertError;
use crate::recognise::config_field;

/// The base of an adapter that becomes a LoRA.
#[derive(Debug)]
#[non_exhaustive]
pub struct LoraBase<'a> {
    /// Its weights.
    pub weights: &'a Checkpoint,
    /// Its layers.
    pub info: &'a ModelInfo,
    /// How its tensors are called in the files.
    pub names: &'a LoadOptions,
}

impl<'a> LoraBase<'a> {
    /// The base with these weights.
    pub fn new(weights: &'a Checkpoint, info: &'a ModelInfo, names: &'a LoadOptions) -> Self {
        Self { weights, info, names }
    }
}

/// The result of [`convert_to_lora`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConvertedLora {
    /// The relative error `‖ΔW − BA‖ / ‖ΔW‖` of the change of each weight, by the path of its layer.
    pub errors: BTreeMap<String, f64>,
    /// The files.
    pub files: WrittenFiles,
}

/// Writes a LoRA of rank `rank` in PEFT's format that approximates an adapter on its base. `lora_alpha` is the rank, so the
/// factor of the product is 1.
///
/// The error of each layer is measured, and nothing is written if one is larger than `max_error`.
///
/// # Errors
///
/// - [`ConvertError::LoraError`] with the layer of the largest error.
/// - [`ConvertError::LoraLayer`] for what a LoRA does not hold: a bias that is scaled, a convolution, parameters that are saved
///   whole.
/// - [`ConvertError::LoraRank`] for a rank of 0.
/// - [`ConvertError::LoraInTheWay`]; the errors of [`AdapterFile::placements`] and of reading the base.
pub fn convert_to_lora(
    adapter: &AdapterFile,
    base: &LoraBase,
    rank: usize,
    max_error: f64,
    out: &OutputFolder,
) -> Result<ConvertedLora, ConvertError> {
    if rank == 0 {
        return Err(ConvertError::LoraRank);
    }
    let is_lora = || config_field(&out.path().join(CONFIG), "peft_type").is_some_and(|found| found == "LORA");
    if !out.is_empty() && !is_lora() {
        return Err(ConvertError::LoraInTheWay { path: out.path().to_owned() });
    }
    if let Some(parameter) = adapter.saved.keys().next() {
        let module = parameter.clone();
        return Err(ConvertError::LoraLayer { module, what: "is saved whole (modules_to_save)" });
    }
    let placements = adapter.placements(Some(base.info))?;
    let (mut errors, mut tensors) = (BTreeMap::new(), vec![]);
    for (module, placement) in &placements {
        let factors = adapter.vectors.get(module).map(|vector| vector.values.as_slice()).unwrap_or_default();
        let layer = Layer::of(base, module).ok_or_else(|| ConvertError::LoraLayer {
            module: module.clone(),
            what: "is no linear layer with a weight in the base",
        })?;
        let LowRank { b, a, error } = layer.approximate(base, *placement, factors, rank)?;
        errors.insert(module.clone(), error);
        tensors.push(source(module, "lora_A", [rank, layer.inputs], a));
        tensors.push(source(module, "lora_B", [layer.outputs, rank], b));
    }
    if let Some((module, error)) = errors.iter().max_by(|a, b| a.1.total_cmp(b.1))
        && *error > max_error
    {
        return Err(ConvertError::LoraError { module: module.clone(), error: *error, rank, max_error });
    }
    let config = config(adapter, base, placements.keys().collect(), rank);
    let mut write = FolderWrite::new(out)?;
    write.file(WEIGHTS, |out| write_file(out, tensors, &pytorch_metadata()))?;
    write.text(CONFIG, &config)?;
    write.last(&[CONFIG]);
    Ok(ConvertedLora { errors, files: write.commit()? })
}

/// A linear layer of the base.
struct Layer {
    path: String,
    /// The name of its weight in the file.
    weight: String,
    outputs: usize,
    inputs: usize,
    inputs_first: bool,
    bias: bool,
}

impl Layer {
    fn of(base: &LoraBase, path: &str) -> Option<Self> {
        let (inputs, outputs, bias, inputs_first) = match base.info.module(path)?.kind {
            ModuleKind::Linear { d_in, d_out, bias } => (d_in, d_out, bias, false),
            ModuleKind::Conv1D { d_in, d_out, bias } => (d_in, d_out, bias, true),
            _ => return None,
        };
        let weight = base.weights.name_of(&format!("{path}.weight"), base.names)?;
        Some(Self { path: path.into(), weight, outputs, inputs, inputs_first, bias })
    }

    /// Approximates the change of the weight, `[d_out, d_in]`.
    fn approximate(
        &self,
        base: &LoraBase,
        placement: Placement,
        factors: &[f32],
        rank: usize,
    ) -> Result<LowRank, ConvertError> {
        if self.bias && placement == Placement::Output && factors.iter().any(|factor| *factor != 1.0) {
            let what = "has a bias that the vector scales, which a LoRA does not hold";
            return Err(ConvertError::LoraLayer { module: self.path.clone(), what });
        }
        let tensor = base.weights.tensor(&self.weight).map_err(Box::new).map_err(ConvertError::Checkpoint)?;
        let expected =
            if self.inputs_first { [self.inputs, self.outputs] } else { [self.outputs, self.inputs] };
        if tensor.shape().as_slice() != expected {
            let what = "has a weight of another shape in the base than its config.json says";
            return Err(ConvertError::LoraLayer { module: self.path.clone(), what });
        }
        let values: Vec<f32> = tensor.iter().collect();
        let change = (0..self.outputs * self.inputs).map(|at| {
            let (output, input) = (at / self.inputs, at % self.inputs);
            let from = if self.inputs_first { input * self.outputs + output } else { at };
            let factor = if placement == Placement::Output { factors[output] } else { factors[input] };
            values[from] * (factor - 1.0)
        });
        let possible = rank.min(self.outputs).min(self.inputs);
        let LowRank { b, mut a, error } =
            low_rank(&change.collect::<Vec<f32>>(), [self.outputs, self.inputs], possible);
        // All layers of a LoRA have one rank; a small layer has zeros beside the rank that it can have.
        let pad = |row: &[f32]| {
            row.iter().copied().chain(std::iter::repeat_n(0.0, rank - possible)).collect::<Vec<f32>>()
        };
        let b = b.chunks_exact(possible).flat_map(pad).collect();
        a.resize(rank * self.inputs, 0.0);
        Ok(LowRank { b, a, error })
    }
}

fn source(module: &str, name: &str, shape: [usize; 2], values: Vec<f32>) -> Source<'static> {
    Source {
        name: format!("base_model.model.{module}.{name}.weight"),
        dtype: Dtype::F32,
        shape: shape.to_vec(),
        write: Box::new(move |out| values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))),
    }
}

/// `adapter_config.json` of a LoRA.
fn config(adapter: &AdapterFile, base: &LoraBase, modules: BTreeSet<&String>, rank: usize) -> String {
    let is_conv1d = |module: &&String| {
        let kind = base.info.module(module).map(|module| &module.kind);
        matches!(kind, Some(ModuleKind::Conv1D { .. }))
    };
    let config = json!({
        "base_model_name_or_path": adapter.config.base_model_name_or_path,
        "bias": "none",
        "fan_in_fan_out": modules.iter().any(is_conv1d),
        "inference_mode": true,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "peft_type": "LORA",
        "r": rank,
        "target_modules": modules,
        "task_type": adapter.config.task_type.map(|task| task.to_string()),
    });
    format!("{config:#}\n")
}
