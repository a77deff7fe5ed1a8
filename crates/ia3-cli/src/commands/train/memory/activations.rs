//! The values that a batch keeps for the backward pass.

use std::path::Path;

use anyhow::Context;
use burn::tensor::Device;
use ia3::train::EpochPlan;
use ia3::{ModelInfo, ModuleInfo, ModuleKind, Task};

use super::device::is_flex;
use crate::args::DtypeName;

/// What an attention layer keeps for the backward pass.
#[derive(Clone, Copy)]
pub(super) struct AttentionWeights {
    /// Number of tensors of shape `[batch, heads, queries, keys]`.
    kept: f64,
    heads: f64,
}

impl AttentionWeights {
    /// Reads the heads and the dropout from `config.json` in `dir`.
    ///
    /// An attention keeps three tensors: the softmax, the dropout mask and their product. Without dropout, on `flex`, where the
    /// base is computed in float32, it keeps none, because the gradient computes the weights again. That is so for every base
    /// unless `dtype` casts it to half precision.
    pub(super) fn read(dir: &Path, dtype: DtypeName, device: &Device) -> anyhow::Result<Self> {
        let (path, text) = ia3::config_of_base(dir)?;
        let config: serde_json::Value =
            serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        let heads = ["num_heads", "num_attention_heads", "n_head", "n_heads", "encoder_attention_heads"];
        let tower = config.get("vision_config").unwrap_or(&config);
        let heads = heads.iter().find_map(|name| tower[*name].as_f64()).unwrap_or(1.0);
        let float32 = matches!(dtype, DtypeName::Auto | DtypeName::Float32);
        let recomputed = float32 && is_flex(device) && dropout(&config) == 0.0;
        let kept = match is_capped(&config) {
            // The scores before and after the cap are kept too.
            true => 5.0,
            false if recomputed => 0.0,
            false => 3.0,
        };
        Ok(Self { kept, heads })
    }
}

/// Whether the attention scores are capped, which no kernel computes.
fn is_capped(config: &serde_json::Value) -> bool {
    let written = config.get("attn_logit_softcapping");
    config["model_type"] == "gemma2" && written.is_none_or(|cap| !cap.is_null())
}

/// The dropout of the attention weights, under the names and with the defaults of Hugging Face's configurations.
fn dropout(config: &serde_json::Value) -> f64 {
    let absent = match config["model_type"].as_str() {
        Some(
            "t5" | "mt5" | "gpt2" | "m2m_100" | "bert" | "roberta" | "xlm-roberta" | "electra" | "distilbert"
            | "esm" | "deberta" | "deberta-v2",
        ) => 0.1,
        _ => 0.0,
    };
    let names = ["dropout_rate", "attention_probs_dropout_prob", "attn_pdrop", "attention_dropout"];
    names.iter().find_map(|name| config[*name].as_f64()).unwrap_or(absent)
}

/// The number of values that a layer keeps: its input and its output, and for the layer of the keys the attention weights.
pub(super) fn kept(module: &ModuleInfo, plan: &EpochPlan, task: Task, weights: AttentionWeights) -> f64 {
    let (ModuleKind::Linear { d_in, d_out, .. } | ModuleKind::Conv1D { d_in, d_out, .. }) = &module.kind
    else {
        return 0.0;
    };
    let of = |[rows, width]: [usize; 2]| (rows as f64, width as f64);
    let (inputs, targets) = (of(plan.largest_inputs), of(plan.largest_targets));
    let has_encoder = task.is_encoder_decoder();
    let in_decoder = has_encoder && module.path.split('.').any(|part| part == "decoder");
    let (rows, queries) = if in_decoder { targets } else { inputs };
    let name = module.path.rsplit('.').next().unwrap_or_default();
    let tokens = if reads_encoder(&module.path) { inputs.0 * inputs.1 } else { rows * queries };
    let scores =
        match ["k", "k_proj", "key", "k_lin", "c_attn", "query_key_value", "Wqkv", "key_proj", "in_proj"]
            .contains(&name)
        {
            true => {
                let keys = if is_across(&module.path) { inputs.1 } else { queries };
                weights.kept * weights.heads * rows * queries * keys
            }
            false => 0.0,
        };
    (d_in + d_out) as f64 * tokens + scores
}

/// Whether a layer belongs to the attention of a decoder to the encoder's output.
fn is_across(path: &str) -> bool {
    ["EncDecAttention", "encoder_attn"].iter().any(|name| path.contains(name))
}

/// Whether a layer computes keys or values of the encoder's output.
pub(super) fn reads_encoder(path: &str) -> bool {
    let name = path.rsplit('.').next().unwrap_or_default();
    is_across(path) && ["k", "v", "k_proj", "v_proj"].contains(&name)
}

/// Values of a block of logits where they are computed for some labels at a time, as `ia3_ops::nll_by_blocks` does.
const BLOCK: f64 = (8 << 20) as f64;

/// The number of values of the logits, their log-softmax and its gradient. A classifier's few values are left out. With `blocks`, the
/// loss computes a block of them at a time.
pub(super) fn logits(info: &ModelInfo, plan: &EpochPlan, task: Task, blocks: bool) -> f64 {
    if !task.writes_texts() && task != Task::MaskedLm {
        return 0.0;
    }
    let rows = |module: &ModuleInfo| match module.kind {
        ModuleKind::Embedding { rows, .. } => Some(rows),
        _ => None,
    };
    let vocabulary = info.modules.iter().filter_map(rows).max().unwrap_or(0) as f64;
    let [rows, width] = if plan.largest_targets[0] > 0 { plan.largest_targets } else { plan.largest_inputs };
    let all = vocabulary * rows as f64 * width as f64;
    3.0 * if blocks { all.min(BLOCK) } else { all }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_an_attention_are_kept_with_dropout() {
        let dir = tempfile::tempdir().unwrap();
        let kept_in = |config: &str, dtype| {
            std::fs::write(dir.path().join("config.json"), config).unwrap();
            AttentionWeights::read(dir.path(), dtype, &Device::flex()).unwrap().kept
        };
        let kept = |config: &str| kept_in(config, DtypeName::Auto);
        assert_eq!(kept(r#"{"model_type": "t5", "num_heads": 4, "dropout_rate": 0.0}"#), 0.0);
        assert_eq!(kept(r#"{"model_type": "t5", "num_heads": 4}"#), 3.0);
        assert_eq!(kept(r#"{"model_type": "llama", "num_attention_heads": 4}"#), 0.0);
        assert_eq!(kept(r#"{"model_type": "llama", "torch_dtype": "bfloat16"}"#), 0.0);
        let llama = r#"{"model_type": "llama", "num_attention_heads": 4}"#;
        assert_eq!(kept_in(llama, DtypeName::Float32), 0.0);
        assert_eq!(kept_in(llama, DtypeName::Bfloat16), 3.0);
        assert_eq!(kept_in(llama, DtypeName::Float16), 3.0);
    }

    #[test]
    fn logits_are_there_for_a_block_of_labels_unless_they_have_to_be() {
        let table = ModuleInfo::new("wte", ModuleKind::Embedding { rows: 50_000, dim: 8 });
        let info = ModelInfo::new("gpt2", vec![table]);
        let plan = EpochPlan { largest_inputs: [4, 512], ..EpochPlan::default() };
        let all = 3.0 * 50_000.0 * 4.0 * 512.0;
        assert_eq!(logits(&info, &plan, Task::CausalLm, false), all);
        assert_eq!(logits(&info, &plan, Task::MaskedLm, false), all);
        assert_eq!(logits(&info, &plan, Task::MaskedLm, true), 3.0 * BLOCK);
        assert_eq!(logits(&info, &plan, Task::CausalLm, true), 3.0 * BLOCK);
        let short = EpochPlan { largest_inputs: [1, 16], ..EpochPlan::default() };
        assert_eq!(logits(&info, &short, Task::CausalLm, true), 3.0 * 50_000.0 * 16.0);
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
        assert_eq!(kept("model.encoder.layers.0.fc1"), 30.0 * 10.0);
        assert_eq!(kept("model.decoder.layers.0.fc1"), 30.0 * 6.0);
        assert_eq!(kept("model.decoder.layers.0.encoder_attn.v_proj"), 30.0 * 10.0);
    }
}
