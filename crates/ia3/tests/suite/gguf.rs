//! GGUF files as bases: the same weights and logits as Hugging Face's folders, and merged files as PEFT computes.

use burn::tensor::{Int, Tensor};

use crate::common::{self, Case, assert_close, cases, device, fixture};
use ia3::io::{Checkpoint, merge_gguf};
use ia3::{ModelInputs, PretrainedOptions, read_config};

/// The cases that `fixtures/gguf` has.
fn gguf_cases() -> Vec<Case> {
    let cases: Vec<Case> =
        cases().into_iter().filter(|case| fixture(&format!("gguf/{}.gguf", case.name)).exists()).collect();
    assert_eq!(cases.len(), 11);
    cases
}

#[test]
fn tensors_are_those_of_the_folder_under_the_same_names() {
    for case in gguf_cases() {
        let gguf = Checkpoint::open(fixture(&format!("gguf/{}.gguf", case.name))).unwrap();
        let folder = Checkpoint::open(case.dir.join("base")).unwrap();
        let mut compared = 0;
        for tensor in gguf.tensors() {
            let (name, expected) = (tensor.name, folder.facts(tensor.name));
            let expected = expected.unwrap_or_else(|| panic!("{}: the folder has no {name}", case.name));
            assert_eq!(
                (tensor.dtype, tensor.shape),
                (expected.dtype, expected.shape),
                "{} {name}",
                case.name
            );
            assert_eq!(gguf.tensor(name).unwrap(), folder.tensor(name).unwrap(), "{} {name}", case.name);
            compared += 1;
        }
        // T5 has its embedding three times in the folder.
        assert!(compared + 2 >= folder.tensors().count(), "{}: {compared}", case.name);
    }
}

/// What a GGUF file cannot say: windows of single layers, the distance of T5's buckets, layers without rotation.
const INCOMPLETE: [&str; 5] = ["qwen2", "qwen3", "smollm3", "t5", "t5v11"];

#[test]
fn logits_are_those_of_the_folder_with_the_configuration_of_the_file() {
    for case in gguf_cases().iter().filter(|case| !INCOMPLETE.contains(&case.name.as_str())) {
        let path = fixture(&format!("gguf/{}.gguf", case.name));
        let model = ia3::from_pretrained(&path, &device()).unwrap().model;
        assert_close(&case.logits(&model), &case.logits(&case.base), 1e-6, &case.name);
    }
}

#[test]
fn incomplete_configurations_still_describe_the_same_parameters() {
    for case in gguf_cases().iter().filter(|case| INCOMPLETE.contains(&case.name.as_str())) {
        let path = fixture(&format!("gguf/{}.gguf", case.name));
        let loaded = ia3::from_pretrained(&path, &device()).unwrap();
        assert!(loaded.report.missing.is_empty() && loaded.report.unused.is_empty(), "{:?}", loaded.report);
    }
}

/// The merged file computes what PEFT's adapter does, though the vectors of gated and ReLU blocks lie elsewhere in it.
#[test]
fn merged_files_compute_the_logits_of_peft() {
    let dir = tempfile::tempdir().unwrap();
    for case in gguf_cases() {
        let base = fixture(&format!("gguf/{}.gguf", case.name));
        let out = dir.path().join(format!("{}.gguf", case.name));
        merge_gguf(&base, &[case.dir.join("adapter")], &out, false).unwrap();
        let config = read_config(case.dir.join("base")).unwrap();
        let model = PretrainedOptions::new().with_config(config).load(&out, &device()).unwrap().model;
        let (found, expected) = (case.logits(&model), case.expected("adapter_logits"));
        assert_close(&case.real(&found), &case.real(&expected), 1e-4, &case.name);
        common::assert_apart(&case.real(&found), &case.real(&case.expected("base_logits")), &case.name);
    }
}

/// Models whose files say something that is in no other case: norms plus one, caps, windows, rotations of a part of a head, and scaled
/// ones. Their logits are transformers'.
const MODELS: [&str; 8] = ["gemma", "gemma2", "gemma3", "phi2", "phi3", "phi3_long", "llama31", "qwen2_yarn"];

#[test]
fn models_of_one_file_have_the_logits_of_transformers_with_and_without_an_adapter_and_merged() {
    let dir = tempfile::tempdir().unwrap();
    for name in MODELS {
        let path = fixture(&format!("gguf/models/{name}.gguf"));
        let of = ["input_ids", "base_logits", "adapter_logits"];
        let expected =
            ia3::io::read_tensors(fixture(&format!("gguf/models/{name}.safetensors")), &of).unwrap();
        let ids = Tensor::<2, Int>::from_data(expected["input_ids"].clone(), &device());
        let values = |name: &str| -> Vec<f32> { expected[name].iter().collect() };
        let adapter = fixture(&format!("gguf/models/{name}"));
        let inputs = ModelInputs { input_ids: Some(ids), ..ModelInputs::default() };
        let base = ia3::Model::from_pretrained(&path, &device()).unwrap();
        let adapted = ia3::attach(base.module(), &[&ia3::Adapter::load(&adapter, &base).unwrap()]).unwrap();
        let out = dir.path().join(format!("{name}.gguf"));
        merge_gguf(&path, &[adapter], &out, false).unwrap();
        let merged = ia3::Model::from_pretrained(&out, &device()).unwrap();
        for (model, expected) in [
            (base.module(), "base_logits"),
            (&adapted, "adapter_logits"),
            (merged.module(), "adapter_logits"),
        ] {
            let found: Vec<f32> = model.forward(&inputs).unwrap().into_data().iter().collect();
            assert_close(&found, &values(expected), 2e-5, &format!("{name} {expected}"));
        }
    }
}

/// Factors of Llama 3's rotation that no settings give, a scaling that is not known, and a tensor that is not there.
#[test]
fn rotations_that_no_configuration_describes_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.gguf");
    let refused = |name: &str, from: &[u8], to: &[u8]| {
        let mut bytes = std::fs::read(fixture(&format!("gguf/models/{name}.gguf"))).unwrap();
        let at = bytes.windows(from.len()).rposition(|window| window == from).expect("the file has it");
        bytes[at..at + to.len()].copy_from_slice(to);
        std::fs::write(&path, bytes).unwrap();
        ia3::from_pretrained(&path, &device()).unwrap_err().to_string()
    };
    let two = |a: f32, b: f32| [a.to_le_bytes(), b.to_le_bytes()].concat();
    let error = refused("llama31", &two(32.0, 32.0), &two(32.0, 31.0));
    assert!(error.contains("tensor `rope_freqs.weight` scales the rotary embeddings by other"), "{error}");
    let error = refused("qwen2_yarn", b"yarn", b"spin");
    assert!(error.contains("is \"spin\", expected `none`, `linear` or `yarn`"), "{error}");
    let error = refused("phi3_long", b"rope_factors_long", b"rope_factors_lang");
    assert!(error.contains("`rope_factors_long.weight`"), "{error}");
}
