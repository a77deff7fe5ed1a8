//! Folders: what is saved is what the lower layer saves, and what is read back is the same model.

use std::path::Path;

use ia3::io::{AdapterOptions, Checkpoint, read_tensors, save_adapter_with, write_tensors};
use ia3::{Adapter, Bits, Ia3Config, Model, PretrainedOptions, Quantization, TaskType};

use super::{logits, open, with_tokenizer};
use crate::common::{beside_gates, cases, device};

fn bytes(dir: &Path, name: &str) -> Vec<u8> {
    std::fs::read(dir.join(name)).unwrap()
}

#[test]
fn adapter_files_are_those_of_the_lower_layer_to_the_byte() {
    for case in cases() {
        let (dir, lower) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (_, adapter) = open(&case);
        adapter.save(dir.path()).unwrap();
        let options = AdapterOptions::new().with_base(case.base.info());
        save_adapter_with(&adapter, lower.path(), &options).unwrap();
        for name in ["adapter_model.safetensors", "adapter_config.json", "README.md"] {
            assert_eq!(bytes(dir.path(), name), bytes(lower.path(), name), "{} {name}", case.name);
        }
    }
}

#[test]
fn a_merged_model_is_read_back_the_same() {
    for case in cases() {
        let (base, adapter) = open(&case);
        let out = tempfile::tempdir().unwrap();
        let merged = base.merge(&adapter).unwrap();
        for _ in 0..2 {
            merged.save_pretrained(out.path()).unwrap(); // The second call replaces the weights.
        }
        let again = Model::from_pretrained(out.path(), &device()).unwrap();
        assert_eq!(logits(&again, case.inputs()), logits(&merged, case.inputs()), "{}", case.name);
        assert_eq!(again.folder(), Some(out.path()));
    }
}

#[test]
fn a_base_quantised_at_load_is_merged_saved_and_read_back_the_same() {
    for case in cases() {
        for how in [Quantization::from(Bits::Eight), Bits::Four.into()] {
            let options = PretrainedOptions::new().with_quantization(how);
            let base = Model::from_pretrained_with(case.dir.join("base"), &options, &device()).unwrap();
            assert!(base.quantize_report().is_some());
            let adapter = Adapter::from(beside_gates(&case.dir, &case.base));
            let merged = match base.merge(&adapter) {
                Ok(merged) => merged,
                Err(error) => {
                    assert!(error.to_string().contains("merge_requantizing"), "{}: {error}", case.name);
                    base.merge_requantizing(&adapter).unwrap().model
                }
            };
            let out = tempfile::tempdir().unwrap();
            merged.save_pretrained(out.path()).unwrap();
            let config = std::fs::read_to_string(out.path().join("config.json")).unwrap();
            assert!(config.contains("quantization_config"), "{}: {config}", case.name);
            let again = Model::from_pretrained(out.path(), &device()).unwrap();
            assert_eq!(logits(&again, case.inputs()), logits(&merged, case.inputs()), "{}", case.name);
        }
    }
}

#[test]
fn a_saved_model_has_the_tokenizer_of_its_base() {
    let base = with_tokenizer();
    let adapter = Adapter::new(&Ia3Config::new(), &base).unwrap();
    let out = tempfile::tempdir().unwrap();
    base.with_adapter(&adapter).unwrap().merge_and_unload().unwrap().save_pretrained(out.path()).unwrap();
    let again = Model::from_pretrained(out.path(), &device()).unwrap();
    assert_eq!(again.generate("time: 14:05").run().unwrap().to_string(), "two oh five pm");
}

#[test]
fn a_new_adapter_records_its_base() {
    let base = with_tokenizer();
    let folder = base.folder().unwrap().display().to_string();
    let adapter = Adapter::new(&Ia3Config::new(), &base).unwrap();
    assert_eq!(adapter.config.base_model_name_or_path, Some(folder));
    let named = Ia3Config::new().with_base_model("google/t5");
    let adapter = Adapter::new(&named, &base).unwrap();
    assert_eq!(adapter.config.base_model_name_or_path.as_deref(), Some("google/t5"));
}

/// A folder with a BERT that has no classifier, as sentence encoders are published.
fn without_classifier(base: &Path) -> tempfile::TempDir {
    let out = tempfile::tempdir().unwrap();
    let checkpoint = Checkpoint::open(base).unwrap();
    let names: Vec<String> = checkpoint.tensors().map(|tensor| tensor.name.to_string()).collect();
    let names: Vec<&str> =
        names.iter().map(String::as_str).filter(|n| !n.starts_with("classifier")).collect();
    let tensors = read_tensors(base.join("model.safetensors"), &names).unwrap();
    let tensors: Vec<_> = tensors.iter().map(|(name, data)| (name.as_str(), data)).collect();
    write_tensors(out.path().join("model.safetensors"), &tensors).unwrap();
    std::fs::copy(base.join("config.json"), out.path().join("config.json")).unwrap();
    out
}

#[test]
fn a_merged_classifier_is_read_back_with_its_number_of_classes() {
    let case = cases().into_iter().find(|case| case.name == "bert").unwrap();
    let folder = without_classifier(&case.dir.join("base"));
    for labels in [2, 3, 5] {
        let options = PretrainedOptions::new().with_num_labels(labels);
        let base = Model::from_pretrained_with(folder.path(), &options, &device()).unwrap();
        let adapter = Adapter::new(&Ia3Config::new().with_task_type(TaskType::SeqCls), &base).unwrap();
        let merged = base.merge(&adapter).unwrap();
        let out = tempfile::tempdir().unwrap();
        merged.save_pretrained(out.path()).unwrap();
        let again = Model::from_pretrained(out.path(), &device()).unwrap();
        assert_eq!(again.module().num_labels(), Some(labels));
        assert_eq!(logits(&again, case.inputs()), logits(&merged, case.inputs()));
    }
}
