//! LyCORIS's files: the factors of PEFT's adapter again, and what is refused.

use std::collections::HashMap;
use std::path::Path;

use crate::common::{fixture, info};
use ia3_config::{ModelInfo, Placement};
use ia3_convert::{
    AdapterFormat, ConvertOptions, convert_adapter_with, open_adapter, open_adapter_for, save_adapter_as,
};
use ia3_io::AdapterFile;
use safetensors::tensor::{Dtype, TensorView, serialize};

/// A tensor: its key, dtype, shape and bytes.
type Tensor = (String, Dtype, Vec<usize>, Vec<u8>);

fn weight(name: &str, shape: &[usize], values: &[f32]) -> Tensor {
    let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    (format!("{name}.weight"), Dtype::F32, shape.to_vec(), bytes)
}

fn side(name: &str, on_input: bool) -> Tensor {
    (format!("{name}.on_input"), Dtype::BOOL, vec![], vec![u8::from(on_input)])
}

fn write(path: &Path, tensors: &[Tensor]) {
    let views: HashMap<&str, TensorView<'_>> = tensors
        .iter()
        .map(|(key, dtype, shape, bytes)| {
            (key.as_str(), TensorView::new(*dtype, shape.clone(), bytes).unwrap())
        })
        .collect();
    std::fs::write(path, serialize(views, None).unwrap()).unwrap();
}

/// The tensors of LyCORIS's file for PEFT's adapter.
fn lycoris(adapter: &AdapterFile, base: &ModelInfo) -> Vec<Tensor> {
    let placements = adapter.placements(Some(base)).unwrap();
    let tensors = |(module, vector): (&String, &ia3_io::FileVector)| {
        let name = format!("lycoris_{}", module.replace('.', "_"));
        let weights: Vec<f32> = vector.values.iter().map(|value| value - 1.0).collect();
        [weight(&name, &[weights.len()], &weights), side(&name, placements[module] == Placement::Input)]
    };
    adapter.vectors.iter().flat_map(tensors).collect()
}

#[test]
fn the_factors_are_those_of_peft_in_the_same_places() {
    let dir = tempfile::tempdir().unwrap();
    for case in ["llama", "t5v11"] {
        let (base, peft) = (info(case), AdapterFile::open(fixture(case).join("adapter")).unwrap());
        let (path, out) = (dir.path().join(format!("{case}.safetensors")), dir.path().join(case));
        write(&path, &lycoris(&peft, &base));
        assert_eq!(AdapterFormat::of(&path).unwrap(), AdapterFormat::Lycoris);
        let mut options = ConvertOptions::new();
        options.base = Some(base.clone());
        let converted = convert_adapter_with(&path, AdapterFormat::Peft, &out, &options).unwrap();
        assert_eq!(converted.from, AdapterFormat::Lycoris);
        let again = AdapterFile::open(&out).unwrap();
        assert_eq!(again.placements(Some(&base)).unwrap(), peft.placements(Some(&base)).unwrap());
        for (module, vector) in &peft.vectors {
            assert_eq!(again.vectors[module].shape, vector.shape, "{module}");
            for (found, expected) in again.vectors[module].values.iter().zip(&vector.values) {
                assert!((found - expected).abs() <= 2.0 * f32::EPSILON, "{module}: {found} {expected}");
            }
        }
    }
}

#[test]
fn what_is_no_adapter_of_the_base_is_refused_by_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.safetensors");
    let (llama, qwen2) = (info("llama"), info("qwen2"));
    let k = "lycoris_model_layers_0_self_attn_k_proj";
    let rows = |info: &ModelInfo| match info.module("model.layers.0.self_attn.k_proj").unwrap().kind {
        ia3_config::ModuleKind::Linear { d_out, .. } => d_out,
        _ => unreachable!(),
    };
    let vector = |name: &str| weight(name, &[rows(&llama)], &vec![0.5; rows(&llama)]);
    let matrix = weight(k, &[2, 2], &[0.0; 4]);
    let number = (format!("{k}.on_input"), Dtype::F32, vec![1], 0.5_f32.to_le_bytes().to_vec());
    let elsewhere = "lycoris_model_layers_9_self_attn_k_proj";
    let other = "lora_unet_model_layers_0_self_attn_k_proj";
    let cases = [
        (vec![matrix, side(k, false)], &llama, "is a matrix or empty"),
        (
            vec![weight(k, &[1], &[0.0]), side(k, false)],
            &llama,
            "is a vector of another length than that side",
        ),
        (vec![vector(k), number], &llama, "is no single boolean"),
        (
            vec![vector(elsewhere), side(elsewhere, false)],
            &llama,
            "is a vector of a module that the base does not have",
        ),
        (
            vec![vector(other), side(other, false)],
            &llama,
            "is a tensor of another kind than `lycoris_<module path>.weight`",
        ),
        (vec![side(k, false)], &llama, "is neither the weight nor the side of a vector"),
        (
            vec![weight(k, &[rows(&qwen2)], &vec![0.5; rows(&qwen2)]), side(k, false)],
            &qwen2,
            "is a vector on the outputs of a layer with a bias, which LyCORIS does not scale and PEFT does",
        ),
    ];
    for (tensors, base, expected) in cases {
        write(&path, &tensors);
        let problem = open_adapter_for(&path, Some(base)).unwrap_err().to_string();
        assert!(problem.contains(expected), "{problem}");
    }
    write(&path, &[vector(k), side(k, false)]);
    let problem = open_adapter(&path).unwrap_err().to_string();
    assert!(
        problem.contains("so the base has to be known; give the base (its config.json is enough)"),
        "{problem}"
    );
    let file = open_adapter_for(&path, Some(&llama)).unwrap().file;
    assert!(file.vectors.values().all(|vector| vector.values.iter().all(|value| *value == 1.5)));
    let problem = save_adapter_as(&file, AdapterFormat::Lycoris, dir.path().join("out"), None).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "a LyCORIS file is read and not written; PEFT's format holds every adapter"
    );
}
