//! What a training needs of memory, estimated before a weight is read.

use std::path::Path;

use anyhow::{Context, bail};
use burn::tensor::Device;

use ia3::models::Model;
use ia3::train::EpochPlan;
use ia3::{ModelInfo, ModuleInfo, ModuleKind, Task};
use serde::Serialize;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Memory {
    /// The base, as its files have it.
    pub(super) base: u64,
    /// What the largest batch needs: what is kept for the backward pass, and what that has in hand.
    pub(super) activations: u64,
    /// The program itself, its threads and the tokenizer.
    pub(super) program: u64,
}

/// A process that trains the smallest of bases, without base and batch.
const PROGRAM: u64 = 57 << 20;

/// What a batch takes for each byte that is kept of it: gradients on their way, and what the allocator has in reserve.
const IN_HAND: f64 = 1.15;

impl Memory {
    pub(super) fn estimate(
        dir: &Path,
        model: &Model,
        plan: &EpochPlan,
        device: &Device,
    ) -> anyhow::Result<Self> {
        let info = model.info();
        let weights = AttentionWeights::read(dir, device)?;
        let kept = |module| kept(module, plan, model.task(), weights);
        let values = info.modules.iter().map(kept).sum::<f64>() + logits(&info, plan, model.task());
        let activations = (IN_HAND * values * size_of::<f32>() as f64) as u64;
        Ok(Self { base: files(dir)?, activations, program: PROGRAM })
    }

    pub(super) fn all(&self) -> u64 {
        self.base.saturating_add(self.activations).saturating_add(self.program)
    }

    /// Refuses what cannot be, where memory is that of this machine.
    pub(super) fn check(&self, device: &Device, batch_size: usize) -> anyhow::Result<()> {
        match is_cpu(device).then(available) {
            Some(available) => self.check_against(available, batch_size),
            None => Ok(()),
        }
    }

    fn check_against(&self, available: u64, batch_size: usize) -> anyhow::Result<()> {
        if self.all() <= available {
            return Ok(());
        }
        bail!(
            "the training needs an estimated {} of memory ({} for the base, {} for a batch of {batch_size}, {} for the \
             program), and {} are free; lower --batch-size (with --gradient-accumulation-steps a step stays as large), --max-input-tokens or \
             --max-target-tokens, or train all the same with --no-memory-check",
            size(self.all()),
            size(self.base),
            size(self.activations),
            size(self.program),
            size(available)
        )
    }
}

pub(super) fn size(bytes: u64) -> String {
    match bytes < 1 << 30 {
        true => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
        false => format!("{:.2} GiB", bytes as f64 / f64::from(1 << 30)),
    }
}

/// The most memory that this process has had, where the system tells.
pub(super) fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn available() -> u64 {
    let ram = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    System::new_with_specifics(ram).available_memory()
}

fn is_cpu(device: &Device) -> bool {
    let name = format!("{device:?}").to_lowercase();
    name.contains("cpu") || is_flex(device)
}

fn is_flex(device: &Device) -> bool {
    format!("{device:?}").to_lowercase().contains("flex")
}

fn files(dir: &Path) -> anyhow::Result<u64> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let weights = entries.flatten().filter(|e| e.path().extension().is_some_and(|e| e == "safetensors"));
    // Through a link, as the hub's cache has them.
    Ok(weights.filter_map(|e| std::fs::metadata(e.path()).ok()).map(|m| m.len()).sum())
}

/// How many tensors `[batch, heads, queries, keys]` an attention keeps, and how many heads it has.
#[derive(Clone, Copy)]
struct AttentionWeights {
    kept: f64,
    heads: f64,
}

impl AttentionWeights {
    /// With dropout the softmax, the mask and their product are kept; without, on `flex` in float32, nothing is, as the
    /// gradient computes the weights again.
    fn read(dir: &Path, device: &Device) -> anyhow::Result<Self> {
        let path = dir.join("config.json");
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let config: serde_json::Value =
            serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        let heads = ["num_heads", "num_attention_heads", "n_head"];
        let heads = heads.iter().find_map(|name| config[*name].as_f64()).unwrap_or(1.0);
        let half = ["dtype", "torch_dtype"].iter().any(|name| config[*name].as_str().is_some_and(is_half));
        let recomputed = is_flex(device) && !half && dropout(&config) == 0.0;
        Ok(Self { kept: if recomputed { 0.0 } else { 3.0 }, heads })
    }
}

fn is_half(dtype: &str) -> bool {
    dtype.ends_with("16")
}

/// Dropout on the weights of an attention, under the names and with the defaults that configurations have for it.
fn dropout(config: &serde_json::Value) -> f64 {
    let absent = match config["model_type"].as_str() {
        Some("t5" | "mt5" | "bert" | "gpt2") => 0.1,
        _ => 0.0,
    };
    let names = ["dropout_rate", "attention_probs_dropout_prob", "attn_pdrop", "attention_dropout"];
    names.iter().find_map(|name| config[*name].as_f64()).unwrap_or(absent)
}

/// Values that a layer keeps: its input and its output, and of keys the weights of the attention.
fn kept(module: &ModuleInfo, plan: &EpochPlan, task: Task, weights: AttentionWeights) -> f64 {
    let (ModuleKind::Linear { d_in, d_out, .. } | ModuleKind::Conv1D { d_in, d_out, .. }) = &module.kind
    else {
        return 0.0;
    };
    let of = |[rows, width]: [usize; 2]| (rows as f64, width as f64);
    let (inputs, targets) = (of(plan.largest_inputs), of(plan.largest_targets));
    let in_decoder = task == Task::Seq2SeqLm && module.path.starts_with("decoder");
    let crosses = module.path.contains("EncDecAttention");
    let (rows, queries) = if in_decoder { targets } else { inputs };
    let name = module.path.rsplit('.').next().unwrap_or_default();
    let reads_encoder = crosses && ["k", "v"].contains(&name);
    let tokens = if reads_encoder { inputs.0 * inputs.1 } else { rows * queries };
    let scores = match ["k", "k_proj", "key", "c_attn", "query_key_value"].contains(&name) {
        true => weights.kept * weights.heads * rows * queries * if crosses { inputs.1 } else { queries },
        false => 0.0,
    };
    (d_in + d_out) as f64 * tokens + scores
}

/// The logits, their log-softmax and its gradient; a classifier has a few for each row.
fn logits(info: &ModelInfo, plan: &EpochPlan, task: Task) -> f64 {
    if task == Task::SequenceClassification {
        return 0.0;
    }
    let rows = |module: &ModuleInfo| match module.kind {
        ModuleKind::Embedding { rows, .. } => Some(rows),
        _ => None,
    };
    let vocabulary = info.modules.iter().filter_map(rows).max().unwrap_or(0) as f64;
    let [rows, width] = if plan.largest_targets[0] > 0 { plan.largest_targets } else { plan.largest_inputs };
    3.0 * vocabulary * rows as f64 * width as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused_with_the_numbers_and_what_to_lower() {
        let memory = Memory { base: 3 << 30, activations: 4 << 30, program: 1 << 30 };
        memory.check_against(8 << 30, 16).unwrap();
        let error = memory.check_against((8 << 30) - 1, 16).unwrap_err().to_string();
        for part in [
            "8.00 GiB",
            "3.00 GiB",
            "4.00 GiB",
            "1.00 GiB",
            "batch of 16",
            "--batch-size",
            "--no-memory-check",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }

    #[test]
    fn weights_of_an_attention_are_kept_with_dropout_or_in_half_precision() {
        let dir = tempfile::tempdir().unwrap();
        let kept = |config: &str| {
            std::fs::write(dir.path().join("config.json"), config).unwrap();
            AttentionWeights::read(dir.path(), &Device::flex()).unwrap().kept
        };
        assert_eq!(kept(r#"{"model_type": "t5", "num_heads": 4, "dropout_rate": 0.0}"#), 0.0);
        assert_eq!(kept(r#"{"model_type": "t5", "num_heads": 4}"#), 3.0);
        assert_eq!(kept(r#"{"model_type": "llama", "num_attention_heads": 4}"#), 0.0);
        assert_eq!(kept(r#"{"model_type": "llama", "torch_dtype": "bfloat16"}"#), 3.0);
    }

    #[test]
    fn a_linear_layer_keeps_its_input_and_output_and_keys_the_scores() {
        let module =
            |path: &str| ModuleInfo::new(path, ModuleKind::Linear { d_in: 10, d_out: 20, bias: false });
        let plan = EpochPlan { largest_inputs: [2, 5], largest_targets: [2, 3], ..EpochPlan::default() };
        let weights = AttentionWeights { kept: 3.0, heads: 4.0 };
        let kept = |path: &str| kept(&module(path), &plan, Task::Seq2SeqLm, weights);
        assert_eq!(kept("encoder.block.0.layer.1.DenseReluDense.wo"), 30.0 * 10.0);
        assert_eq!(kept("decoder.block.0.layer.2.DenseReluDense.wo"), 30.0 * 6.0);
        assert_eq!(kept("encoder.block.0.layer.0.SelfAttention.k"), 30.0 * 10.0 + 3.0 * 4.0 * 2.0 * 25.0);
        assert_eq!(kept("decoder.block.0.layer.1.EncDecAttention.k"), 30.0 * 10.0 + 3.0 * 4.0 * 2.0 * 15.0);
        assert_eq!(kept("decoder.block.0.layer.1.EncDecAttention.q"), 30.0 * 6.0);
    }
}
