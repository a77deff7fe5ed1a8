//! Bases of `torch.save`, compared with their safetensors files (`fixtures/oracle/gen_formats.py`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ia3_convert::convert_base;
use safetensors::SafeTensors;

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

/// A folder with the pickles of a base, and its configuration.
fn base(name: &str, dir: &Path) -> PathBuf {
    let to = dir.join("base");
    std::fs::create_dir(&to).unwrap();
    for entry in std::fs::read_dir(fixtures().join("formats/base_bin").join(name)).unwrap().flatten() {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    std::fs::copy(fixtures().join(name).join("base/config.json"), to.join("config.json")).unwrap();
    to
}

/// Dtype, shape and bytes of every tensor of a file.
fn tensors(path: &Path) -> BTreeMap<String, (String, Vec<usize>, Vec<u8>)> {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = |(name, view): (String, safetensors::tensor::TensorView)| {
        (name, (format!("{:?}", view.dtype()), view.shape().to_vec(), view.data().to_vec()))
    };
    file.tensors().into_iter().map(tensor).collect()
}

#[test]
fn weights_keep_their_bytes_in_one_file_and_in_shards() {
    for (name, tied, left_out) in [
        ("gpt2", vec![("lm_head.weight", "transformer.wte.weight")], vec!["transformer.mask"]),
        (
            "t5",
            vec![("lm_head.weight", "shared.weight"), ("encoder.embed_tokens.weight", "shared.weight")],
            vec![],
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (from, out) = (base(name, dir.path()), dir.path().join("out"));
        let converted = convert_base(&from, &out).unwrap();
        assert_eq!(converted.left_out, left_out);
        let (found, expected) = (
            tensors(&out.join("model.safetensors")),
            tensors(&fixtures().join(name).join("base/model.safetensors")),
        );
        assert_eq!(converted.tensors, found.len());
        for (name, tensor) in &expected {
            assert_eq!(found.get(name), Some(tensor), "{name}");
        }
        for (alias, tensor) in tied {
            assert_eq!(found[alias], expected[tensor], "{alias}");
        }
        assert!(out.join("config.json").exists());
    }
}

#[test]
fn what_is_no_base_is_refused_and_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let (from, out) = (base("t5", dir.path()), dir.path().join("out"));
    let problem = || {
        let error = convert_base(&from, &out).unwrap_err().to_string();
        assert!(!out.exists(), "{error}");
        error.replace(&format!("{}/", dir.path().display()), "")
    };
    let same = convert_base(&from, &from).unwrap_err().to_string();
    assert!(same.contains("write into another folder"), "{same}");
    let index = from.join("pytorch_model.bin.index.json");
    std::fs::write(&index, r#"{"weight_map": {"a": "../evil.bin"}}"#).unwrap();
    assert!(problem().contains("the shard `../evil.bin` is not a file in the folder"));
    std::fs::write(&index, "{}").unwrap();
    assert!(problem().contains("is no index of shards: missing field `weight_map`"));
    std::fs::remove_file(&index).unwrap();
    assert!(problem().contains("no such file or folder"));
    std::fs::write(from.join("pytorch_model.bin"), b"\x80\x02}q\x00.").unwrap();
    assert!(problem().contains("is a bare pickle"));
}
