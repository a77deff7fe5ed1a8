//! The files of PEFT and transformers in `fixtures/`.

use std::fs;
use std::path::PathBuf;

use crate::common::{fixture, fixtures};
use burn::tensor::{DType, Device, Tensor};
use ia3_config::{ModelInfo, ModuleInfo, ModuleKind, Placement};
use ia3_core::{Adapter, Ia3Vector};
use ia3_io::{AdapterFile, AdapterOptions, Checkpoint, load_adapter, save_adapter, save_adapter_with};
use serde_json::Value;

fn adapter_dirs() -> Vec<PathBuf> {
    let dirs =
        fixtures().into_iter().flat_map(|dir| ["adapter", "adapter_b", "adapter_alt"].map(|a| dir.join(a)));
    dirs.filter(|dir| dir.exists()).collect()
}

/// ELECTRA's projection of the embeddings is a linear layer.
fn is_embedding(path: &str) -> bool {
    let names = ["embed", "shared", "attention_bias", "wte", "wpe"];
    names.iter().any(|name| path.contains(name)) && !path.ends_with("_project") && !path.ends_with("_proj")
}

/// A checkpoint's modules: every matrix is a `Linear`, but for `Conv1D` and embeddings by their names.
fn info_of(base: &PathBuf) -> ModelInfo {
    let checkpoint = Checkpoint::open(base).unwrap();
    let config: Value = serde_json::from_str(&fs::read_to_string(base.join("config.json")).unwrap()).unwrap();
    let model_type = config["model_type"].as_str().unwrap();
    let module = |tensor: ia3_io::TensorFacts| {
        let path = tensor.name.strip_suffix(".weight")?;
        let bias = checkpoint.contains(&format!("{path}.bias"));
        let kind = match *tensor.shape {
            [rows, dim] if is_embedding(path) => ModuleKind::Embedding { rows, dim },
            [d_in, d_out] if model_type == "gpt2" => ModuleKind::Conv1D { d_in, d_out, bias },
            [d_out, d_in] => ModuleKind::Linear { d_in, d_out, bias },
            [channels_out, channels_in, _, _] => {
                ModuleKind::Conv2d { channels_in: Some(channels_in), channels_out, bias }
            }
            _ => ModuleKind::other("LayerNorm"),
        };
        let module = ModuleInfo::new(path, kind);
        Some(if path == "lm_head" { module.output_embedding() } else { module })
    };
    ModelInfo::new(model_type, checkpoint.tensors().filter_map(module).collect())
}

/// The configuration with lists as sets.
fn config(dir: &std::path::Path) -> Value {
    let mut json: Value =
        serde_json::from_str(&fs::read_to_string(dir.join("adapter_config.json")).unwrap()).unwrap();
    for value in json.as_object_mut().unwrap().values_mut() {
        if let Some(list) = value.as_array_mut() {
            list.sort_by_key(|v| v.to_string());
        }
    }
    json
}

#[test]
fn every_adapter_is_saved_as_it_was_loaded() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    for (i, dir) in adapter_dirs().iter().enumerate() {
        let info = info_of(&dir.with_file_name("base"));
        // The names in checkpoints of ViT are not those of its modules.
        if info.model_type.as_deref() == Some("vit") {
            continue;
        }
        let adapter = load_adapter(dir, &info, &device).unwrap_or_else(|e| panic!("{e}"));
        let saved = out.path().join(i.to_string());
        save_adapter_with(&adapter, &saved, &AdapterOptions::default().with_base(info)).unwrap();
        let bytes = |dir: &std::path::Path| fs::read(dir.join("adapter_model.safetensors")).unwrap();
        assert!(bytes(&saved) == bytes(dir), "{}", dir.display());
        assert_eq!(config(&saved), config(dir), "{}", dir.display());
    }
    assert_eq!(adapter_dirs().len(), 3 * fixtures().len());
}

#[test]
fn vectors_have_the_placement_of_their_shape() {
    let dir = fixture("t5/adapter");
    let adapter = load_adapter(&dir, &info_of(&fixture("t5/base")), &Device::flex()).unwrap();
    let file = AdapterFile::open(&dir).unwrap();
    assert_eq!((adapter.vectors.len(), adapter.num_params()), (16, 12 * 24 + 4 * 40));
    for (path, vector) in &adapter.vectors {
        let expected = if path.ends_with("wo") { Placement::Input } else { Placement::Output };
        assert_eq!(vector.placement, expected, "{path}");
        assert_eq!(vector.l.val().into_data().iter::<f32>().collect::<Vec<_>>(), file.vectors[path].values);
    }
}

#[test]
fn half_precision_vectors_are_read_as_float32() {
    let (device, out) = (Device::flex(), tempfile::tempdir().unwrap());
    let l = Tensor::<1>::from_floats([1.0, 0.5, -2.0], &device);
    let (vectors, saved) = ([("k".to_string(), Ia3Vector::new(l, Placement::Output))].into(), [].into());
    let adapter = Adapter { config: ia3_config::Ia3Config::new(), vectors, saved };
    save_adapter(&adapter, out.path()).unwrap();
    for (dtype, name) in [(DType::F16, "F16"), (DType::BF16, "BF16")] {
        let data = adapter.vectors["k"].l.val().cast(dtype).into_data();
        let header = format!(
            r#"{{"base_model.model.k.ia3_l.default":{{"dtype":"{name}","shape":[3,1],"data_offsets":[0,6]}}}}"#
        );
        let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data.bytes()].concat();
        fs::write(out.path().join("adapter_model.safetensors"), bytes).unwrap();
        assert_eq!(AdapterFile::open(out.path()).unwrap().vectors["k"].values, [1.0, 0.5, -2.0]);
    }
}

#[test]
fn plain_tensors_are_read_and_written() {
    let out = tempfile::tempdir().unwrap();
    let wanted = ["labels", "base_logits", "no such tensor"];
    for dir in fixtures() {
        let tensors = ia3_io::read_tensors(dir.join("io.safetensors"), &wanted).unwrap();
        let copy = out.path().join("copy.safetensors");
        let named: Vec<_> = tensors.iter().map(|(name, data)| (name.as_str(), data)).collect();
        ia3_io::write_tensors(&copy, &named).unwrap();
        assert_eq!(ia3_io::read_tensors(&copy, &wanted).unwrap(), tensors, "{}", dir.display());
        assert_eq!(tensors["base_logits"].dtype(), DType::F32, "{}", dir.display());
    }
}
