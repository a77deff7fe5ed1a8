//! GGUF files as bases: the same weights and logits as Hugging Face's folders, and merged files as PEFT computes.

use crate::common::{self, Case, assert_close, cases, device, fixture};
use ia3::io::{Checkpoint, merge_gguf};
use ia3::{PretrainedOptions, read_config};

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
