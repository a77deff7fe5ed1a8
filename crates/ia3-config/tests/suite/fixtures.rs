//! Adapters that PEFT 0.21.2 trained on small models: the files read and written, and the vectors where PEFT has them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{LENIENT, embedding, linear, model, norm};
use ia3_config::{Ia3Config, ModelInfo, ModuleKind, Plan};
use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures");

type Shapes = BTreeMap<String, Vec<usize>>;

/// All folders `fixtures/MODEL/adapter*`.
fn adapters() -> Vec<PathBuf> {
    let folders = |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let models = folders(Path::new(FOLDER)).filter(|path| path.join("io.safetensors").exists());
    let inside: Vec<PathBuf> = models.flat_map(|path| folders(&path)).collect();
    inside.into_iter().filter(|path| path.join("adapter_config.json").exists()).collect()
}

fn text(adapter: &Path) -> String {
    fs::read_to_string(adapter.join("adapter_config.json")).unwrap()
}

/// Names and shapes in a safetensors file.
fn shapes(path: &Path) -> Shapes {
    let bytes = fs::read(path).unwrap();
    let len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: BTreeMap<String, Value> = serde_json::from_slice(&bytes[8..8 + len]).unwrap();
    let tensors = header.into_iter().filter(|(name, _)| name != "__metadata__");
    tensors.map(|(name, tensor)| (name, serde_json::from_value(tensor["shape"].clone()).unwrap())).collect()
}

fn kind(path: &str, shape: &[usize], model_type: &str) -> ModuleKind {
    let is_embedding = ["embed", "shared", "wte", "wpe", "relative_attention_bias"];
    match *shape {
        [rows, dim]
            if is_embedding.iter().any(|name| path.contains(name))
                && !path.ends_with("_project")
                && !path.ends_with("_proj") =>
        {
            embedding(rows, dim)
        }
        [d_in, d_out] if model_type == "gpt2" => ModuleKind::Conv1D { d_in, d_out, bias: true },
        [d_out, d_in] => linear(d_in, d_out),
        [channels_out, channels_in, _, _] => {
            ModuleKind::Conv2d { channels_in: Some(channels_in), channels_out, bias: false }
        }
        _ => norm(),
    }
}

/// The base model of a fixture, from its `config.json` and the shapes of its weights.
fn base(folder: &Path) -> ModelInfo {
    let config: Value = serde_json::from_slice(&fs::read(folder.join("config.json")).unwrap()).unwrap();
    let model_type = config["model_type"].as_str().unwrap();
    let weights = shapes(&folder.join("model.safetensors"));
    let layers = weights.iter().filter_map(|(name, shape)| {
        let path = name.strip_suffix(".weight")?;
        Some((path.to_owned(), kind(path, shape, model_type)))
    });
    let mut base = model(model_type, layers);
    for module in &mut base.modules {
        module.output_embedding = module.path == "lm_head";
    }
    base
}

fn plans() -> Vec<(PathBuf, ModelInfo, Plan)> {
    let plan = |adapter: PathBuf| {
        let model = base(&adapter.parent().unwrap().join("base"));
        // The names in checkpoints of ViT are not those of its modules.
        if model.model_type.as_deref() == Some("vit") {
            return None;
        }
        let config = Ia3Config::from_json(&text(&adapter)).unwrap();
        let plan = config.plan(&model).unwrap();
        Some((adapter, model, plan))
    };
    adapters().into_iter().filter_map(plan).collect()
}

/// Lists of module names are sets: PEFT writes them in hash order.
fn as_sets(mut config: Value) -> Value {
    for field in ["target_modules", "feedforward_modules", "exclude_modules"] {
        if let Some(names) = config[field].as_array() {
            let names: BTreeSet<String> =
                names.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
            config[field] = names.into_iter().collect();
        }
    }
    config
}

#[test]
fn configurations_survive_the_round_trip() {
    let adapters = adapters();
    assert!(adapters.len() >= 30, "found {} in {FOLDER}", adapters.len());
    for adapter in adapters {
        let theirs = text(&adapter);
        let config = Ia3Config::from_json(&theirs).unwrap();
        let ours = config.to_json();
        let parsed = |text: &str| as_sets(serde_json::from_str(text).unwrap());
        assert_eq!(parsed(&ours), parsed(&theirs), "{}", adapter.display());
        assert!(config.unknown.is_empty());
        let sorted = |text: &str| {
            let mut lines: Vec<String> =
                text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&ours), sorted(&theirs), "the same lines but for the order of names");
        assert_eq!(ours.ends_with('\n'), theirs.ends_with('\n'));
    }
}

#[test]
fn vectors_are_where_peft_has_them() {
    for (adapter, _, plan) in plans() {
        let theirs = shapes(&adapter.join("adapter_model.safetensors"));
        let vectors: Shapes = theirs
            .into_iter()
            .filter_map(|(name, shape)| {
                let path = name.strip_prefix("base_model.model.")?.strip_suffix(".ia3_l")?;
                Some((path.to_owned(), shape))
            })
            .collect();
        let ours: Shapes = plan.sites.iter().map(|site| (site.path.clone(), site.file_shape())).collect();
        assert_eq!(ours, vectors, "{}", adapter.display());
    }
}

#[test]
fn whole_modules_are_those_that_peft_saved() {
    for (adapter, _, plan) in plans() {
        let names = shapes(&adapter.join("adapter_model.safetensors")).into_keys();
        let others: Vec<String> = names.filter(|name| !name.ends_with(".ia3_l")).collect();
        let is_inside = |name: &String, path: &String| name.starts_with(&format!("base_model.model.{path}."));
        let Plan { modules_to_save, .. } = plan;
        assert!(
            others.iter().all(|name| modules_to_save.iter().any(|path| is_inside(name, path))),
            "{others:?}"
        );
        assert!(modules_to_save.iter().all(|path| others.iter().any(|name| is_inside(name, path))));
    }
}

#[test]
fn a_saved_configuration_is_already_resolved() {
    for (adapter, model, plan) in plans() {
        let given = Ia3Config::from_json(&text(&adapter)).unwrap();
        assert_eq!(plan.config, given, "{}", adapter.display());
        assert_eq!(given.plan_with(&model, LENIENT).unwrap().sites, plan.sites);
    }
}

#[test]
fn a_configuration_without_lists_takes_the_defaults_that_peft_took() {
    for (adapter, model, plan) in plans().into_iter().filter(|(adapter, ..)| adapter.ends_with("adapter")) {
        let bare = Ia3Config { target_modules: None, feedforward_modules: None, ..plan.config.clone() };
        assert_eq!(bare.plan(&model).unwrap().config, plan.config, "{}", adapter.display());
    }
}
