//! `adapter_config.json`, and the plan that it makes on a model.

use ia3_config::{Ia3Config, ModelInfo, ModuleInfo, ModuleKind};
use serde::de::IgnoredAny;

use crate::input::{join, parts};
use crate::seeds;
use crate::target::Target;

/// The configuration, and the `model_type` of the model to plan on.
pub const TARGET: Target = Target {
    name: "config",
    run,
    seeds: seeds_of_fixtures,
    tokens: &[
        "target_modules",
        "feedforward_modules",
        "exclude_modules",
        "modules_to_save",
        "all-linear",
        "fan_in_fan_out",
        "init_ia3_weights",
        "inference_mode",
        "task_type",
        "SEQ_2_SEQ_LM",
        "peft_type",
        "IA3",
        "auto_mapping",
        "k",
        "lm_head",
        ".*",
        "(?:",
        "|",
        ")",
        "[^",
        "\\\\d",
        "(?=",
        "{1000}",
    ],
};

fn run(data: &[u8]) {
    let [config, model_type] = parts(data);
    let (Ok(text), Ok(model_type)) = (std::str::from_utf8(config), std::str::from_utf8(model_type)) else {
        return;
    };
    let Ok(config) = Ia3Config::from_json(text) else { return };
    assert!(is_json(text), "serde_json refuses what was read");
    let written = config.to_json();
    let again = Ia3Config::from_json(&written).expect("what was written can be read");
    assert_eq!(again.to_json(), written);
    let _ = config.validate();
    let Ok(plan) = config.plan(&model(model_type)) else { return };
    let again = plan.config.plan(&model(model_type)).expect("the configuration of a plan can be planned");
    assert_eq!(again.sites, plan.sites);
}

/// Python's `json`, and so PEFT, reads three numbers that are not JSON and texts that are not Unicode.
fn is_json(text: &str) -> bool {
    let of_python = ["NaN", "Infinity", "\\u"].iter().any(|word| text.contains(word));
    of_python || serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// A model of this type with layers of many names, or of no known type.
fn model(model_type: &str) -> ModelInfo {
    let linear = |(path, d_in, d_out): (String, usize, usize)| {
        ModuleInfo::new(path, ModuleKind::Linear { d_in, d_out, bias: false })
    };
    let paths = match model_type {
        "t5" => t5(),
        _ => decoder(),
    };
    let mut modules: Vec<ModuleInfo> = paths.into_iter().map(linear).collect();
    modules.push(
        ModuleInfo::new("lm_head", ModuleKind::Linear { d_in: 8, d_out: 40, bias: false }).output_embedding(),
    );
    ModelInfo::new(model_type, modules)
}

fn t5() -> Vec<(String, usize, usize)> {
    let block = |stack: &str, i: usize| {
        let attention = ["q", "k", "v", "o"]
            .map(|name| (format!("{stack}.block.{i}.layer.0.SelfAttention.{name}"), 8, 6));
        let dense = [("wi", 8, 32), ("wo", 32, 8)].map(|(name, d_in, d_out)| {
            (format!("{stack}.block.{i}.layer.1.DenseReluDense.{name}"), d_in, d_out)
        });
        attention.into_iter().chain(dense).collect::<Vec<_>>()
    };
    ["encoder", "decoder"].iter().flat_map(|stack| (0..2).flat_map(move |i| block(stack, i))).collect()
}

fn decoder() -> Vec<(String, usize, usize)> {
    let names = [
        ("self_attn.k_proj", 8, 4),
        ("self_attn.v_proj", 8, 4),
        ("mlp.down_proj", 16, 8),
        ("attn.c_attn", 8, 24),
        ("mlp.c_proj", 16, 8),
        ("self_attention.query_key_value", 8, 12),
        ("mlp.dense_4h_to_h", 16, 8),
        ("attention.self.key", 8, 8),
        ("attention.self.value", 8, 8),
        ("output.dense", 16, 8),
    ];
    let layer =
        |i: usize| names.map(move |(name, d_in, d_out)| (format!("model.layers.{i}.{name}"), d_in, d_out));
    (0..2).flat_map(layer).collect()
}

fn seeds_of_fixtures() -> Vec<Vec<u8>> {
    let types: [&[u8]; 5] = [b"t5", b"llama", b"gpt2", b"falcon", b"bert"];
    let configs = seeds::contents("adapter_config.json").into_iter().enumerate();
    configs.map(|(i, config)| join(&[&config, types[i % types.len()]])).collect()
}
