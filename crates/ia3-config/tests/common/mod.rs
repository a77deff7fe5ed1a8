//! Small models, their modules in the order of PyTorch's `named_modules()`.
#![allow(dead_code)] // each test file uses some of them

use std::collections::BTreeSet;

use ia3_config::{
    ConfigError, Ia3Config, ModelInfo, ModuleInfo, ModuleKind, Placement, Plan, PlanOptions, Site,
};

pub(crate) const STRICT: PlanOptions = PlanOptions::new();
pub(crate) const LENIENT: PlanOptions = PlanOptions::new().with_allow_unmatched(true);

pub(crate) fn linear(d_in: usize, d_out: usize) -> ModuleKind {
    ModuleKind::Linear { d_in, d_out, bias: false }
}

pub(crate) fn conv1d(d_in: usize, d_out: usize) -> ModuleKind {
    ModuleKind::Conv1D { d_in, d_out, bias: true }
}

pub(crate) fn embedding(rows: usize, dim: usize) -> ModuleKind {
    ModuleKind::Embedding { rows, dim }
}

pub(crate) fn norm() -> ModuleKind {
    ModuleKind::other("LayerNorm")
}

/// A model of these layers, with the containers around them.
pub(crate) fn model<P: Into<String>>(
    model_type: &str,
    layers: impl IntoIterator<Item = (P, ModuleKind)>,
) -> ModelInfo {
    let mut modules = vec![ModuleInfo::new("", ModuleKind::other("Model"))];
    let mut known = BTreeSet::new();
    for (path, kind) in layers {
        let path = path.into();
        for (dot, _) in path.match_indices('.') {
            if known.insert(path[..dot].to_owned()) {
                modules.push(ModuleInfo::new(&path[..dot], ModuleKind::other("Container")));
            }
        }
        modules.push(ModuleInfo::new(path, kind));
    }
    ModelInfo::new(model_type, modules)
}

fn t5_block(stack: &str, index: usize, gated: bool) -> Vec<(String, ModuleKind)> {
    let block = format!("{stack}.block.{index}.layer");
    let mut layers = Vec::new();
    let attentions: &[&str] =
        if stack == "decoder" { &["SelfAttention", "EncDecAttention"] } else { &["SelfAttention"] };
    for (at, attention) in attentions.iter().enumerate() {
        for (name, kind) in
            [("q", linear(8, 6)), ("k", linear(8, 6)), ("v", linear(8, 6)), ("o", linear(6, 8))]
        {
            layers.push((format!("{block}.{at}.{attention}.{name}"), kind));
        }
        if index == 0 && at == 0 {
            layers.push((format!("{block}.0.SelfAttention.relative_attention_bias"), embedding(4, 2)));
        }
        layers.push((format!("{block}.{at}.layer_norm"), norm()));
    }
    let at = attentions.len();
    for name in if gated { &["wi_0", "wi_1"][..] } else { &["wi"] } {
        layers.push((format!("{block}.{at}.DenseReluDense.{name}"), linear(8, 20)));
    }
    layers.push((format!("{block}.{at}.DenseReluDense.wo"), linear(20, 8)));
    layers.push((format!("{block}.{at}.layer_norm"), norm()));
    layers
}

fn t5_like(model_type: &str, gated: bool) -> ModelInfo {
    let mut layers = vec![("shared".to_owned(), embedding(30, 8))];
    for stack in ["encoder", "decoder"] {
        layers.extend((0..2).flat_map(|index| t5_block(stack, index, gated)));
        layers.push((format!("{stack}.final_layer_norm"), norm()));
    }
    let mut model = model(model_type, layers);
    model.modules.push(ModuleInfo::new("lm_head", linear(8, 30)).output_embedding());
    model
}

/// T5 v1.0: two blocks on each side, not gated.
pub(crate) fn t5() -> ModelInfo {
    t5_like("t5", false)
}

/// mT5: gated.
pub(crate) fn mt5() -> ModelInfo {
    t5_like("mt5", true)
}

/// GPT-2 with two blocks; its layers are `Conv1D`.
pub(crate) fn gpt2() -> ModelInfo {
    let block = |index| {
        let layers = [
            ("ln_1", norm()),
            ("attn.c_attn", conv1d(6, 18)),
            ("attn.c_proj", conv1d(6, 6)),
            ("ln_2", norm()),
            ("mlp.c_fc", conv1d(6, 24)),
            ("mlp.c_proj", conv1d(24, 6)),
        ];
        layers.map(|(name, kind)| (format!("transformer.h.{index}.{name}"), kind))
    };
    let mut layers = vec![
        ("transformer.wte".to_owned(), embedding(30, 6)),
        ("transformer.wpe".to_owned(), embedding(9, 6)),
    ];
    layers.extend((0..2).flat_map(block));
    layers.push(("transformer.ln_f".to_owned(), norm()));
    let mut model = model("gpt2", layers);
    model.modules.push(ModuleInfo::new("lm_head", linear(6, 30)).output_embedding());
    model
}

/// BERT for sequence classification with two layers.
pub(crate) fn bert() -> ModelInfo {
    let layer = |index| {
        let layers = [
            ("attention.self.query", linear(6, 6)),
            ("attention.self.key", linear(6, 6)),
            ("attention.self.value", linear(6, 6)),
            ("attention.output.dense", linear(6, 6)),
            ("attention.output.LayerNorm", norm()),
            ("intermediate.dense", linear(6, 10)),
            ("output.dense", linear(10, 6)),
            ("output.LayerNorm", norm()),
        ];
        layers.map(|(name, kind)| (format!("bert.encoder.layer.{index}.{name}"), kind))
    };
    let mut layers = vec![("bert.embeddings.word_embeddings".to_owned(), embedding(30, 6))];
    layers.extend((0..2).flat_map(layer));
    layers.push(("bert.pooler.dense".to_owned(), linear(6, 6)));
    layers.push(("classifier".to_owned(), linear(6, 3)));
    model("bert", layers)
}

/// Llama with grouped keys and values and two layers.
pub(crate) fn llama() -> ModelInfo {
    let layer = |index| {
        let layers = [
            ("self_attn.q_proj", linear(8, 8)),
            ("self_attn.k_proj", linear(8, 4)),
            ("self_attn.v_proj", linear(8, 4)),
            ("self_attn.o_proj", linear(8, 8)),
            ("mlp.gate_proj", linear(8, 12)),
            ("mlp.up_proj", linear(8, 12)),
            ("mlp.down_proj", linear(12, 8)),
            ("input_layernorm", norm()),
        ];
        layers.map(|(name, kind)| (format!("model.layers.{index}.{name}"), kind))
    };
    let mut layers = vec![("model.embed_tokens".to_owned(), embedding(30, 8))];
    layers.extend((0..2).flat_map(layer));
    layers.push(("model.norm".to_owned(), norm()));
    let mut model = model("llama", layers);
    model.modules.push(ModuleInfo::new("lm_head", linear(8, 30)).output_embedding());
    model
}

pub(crate) fn plan(config: &Ia3Config, model: &ModelInfo) -> Plan {
    config.plan(model).unwrap()
}

pub(crate) fn error(config: &Ia3Config, model: &ModelInfo) -> ConfigError {
    config.plan(model).unwrap_err()
}

/// The paths of the sites at a placement.
pub(crate) fn at(plan: &Plan, placement: Placement) -> Vec<&str> {
    let sites = plan.sites.iter().filter(|site: &&Site| site.placement == placement);
    sites.map(|site| site.path.as_str()).collect()
}

pub(crate) fn inputs(plan: &Plan) -> Vec<&str> {
    at(plan, Placement::Input)
}

pub(crate) fn outputs(plan: &Plan) -> Vec<&str> {
    at(plan, Placement::Output)
}

/// The distinct last segments of paths, in order of appearance.
pub(crate) fn names<'p>(paths: &[&'p str]) -> Vec<&'p str> {
    let mut names = Vec::new();
    for path in paths {
        let name = path.rsplit('.').next().unwrap();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
