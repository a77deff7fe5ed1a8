//! Bases and adapters in files of `torch.save`, compared with their safetensors files (`fixtures/oracle/gen_formats.py`).

use std::fs;
use std::path::Path;

use crate::common::fixture;
use burn::tensor::Device;
use ia3_io::{AdapterFile, AdapterFileError, Checkpoint, CheckpointError, SafetensorsError};
use ia3_models::ModelConfig;

/// Copies the files of a folder of the fixtures.
fn copy(from: &str, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(fixture(from)).unwrap().flatten() {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_base_of_pickles_has_the_tensors_of_its_safetensors_file_in_one_file_and_in_shards() {
    for (name, left_out) in [("gpt2", 0), ("t5", 0)] {
        let dir = tempfile::tempdir().unwrap();
        copy(&format!("formats/base_bin/{name}"), dir.path());
        let pickles = Checkpoint::open(dir.path()).unwrap();
        let expected = Checkpoint::open(fixture(name).join("base")).unwrap();
        assert!(expected.tensors().count() > 20);
        for tensor in expected.tensors() {
            assert_eq!(pickles.facts(tensor.name), Some(tensor), "{}", tensor.name);
            let data = |checkpoint: &Checkpoint| checkpoint.tensor(tensor.name).unwrap();
            assert_eq!(data(&pickles), data(&expected), "{}", tensor.name);
        }
        // Tied weights have several names in a pickle; a mask of booleans is no tensor of floats.
        assert!(
            pickles
                .same_bytes(
                    "lm_head.weight",
                    if name == "t5" { "shared.weight" } else { "transformer.wte.weight" }
                )
                .unwrap()
        );
        assert_eq!(pickles.tensors().filter(|tensor| tensor.name.ends_with("mask")).count(), left_out);
    }
}

#[test]
fn a_model_is_filled_from_shards_of_pickles() {
    let dir = tempfile::tempdir().unwrap();
    copy("formats/base_bin/t5", dir.path());
    let text = fs::read_to_string(fixture("t5/base/config.json")).unwrap();
    let model = || ModelConfig::from_json(&text).unwrap().init(&Device::flex());
    let (_, of_pickles) = Checkpoint::open(dir.path()).unwrap().load(model()).unwrap();
    let (_, of_safetensors) = Checkpoint::open(fixture("t5/base")).unwrap().load(model()).unwrap();
    assert_eq!(of_pickles.loaded, of_safetensors.loaded);
    assert!(of_pickles.missing.is_empty(), "{:?}", of_pickles.missing);
}

#[test]
fn safetensors_come_first() {
    let dir = tempfile::tempdir().unwrap();
    copy("t5/base", dir.path());
    fs::write(dir.path().join("pytorch_model.bin"), b"no pickle").unwrap();
    assert!(Checkpoint::open(dir.path()).is_ok());
    fs::remove_file(dir.path().join("model.safetensors")).unwrap();
    let error = Checkpoint::open(dir.path()).unwrap_err();
    assert!(matches!(error, CheckpointError::Safetensors(_)), "{error:?}");
}

#[test]
fn a_pickle_that_runs_code_is_refused_by_the_name_of_the_code() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pytorch_model.bin");
    let write = |pickle: &[u8]| {
        let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
        let options =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        zip.start_file("archive/data.pkl", options).unwrap();
        std::io::Write::write_all(&mut zip, pickle).unwrap();
        zip.finish().unwrap();
        Checkpoint::open(dir.path()).unwrap_err()
    };
    let error = write(b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.");
    assert!(error.to_string().contains("refers to `os.system`"), "{error}");
    assert!(matches!(error, CheckpointError::Safetensors(SafetensorsError::Torch(_))), "{error:?}");
    assert!(write(b"\x80\x02").to_string().contains("ends too early"));
}

#[test]
fn a_pickle_cut_short_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    copy("formats/base_bin/gpt2", dir.path());
    let path = dir.path().join("pytorch_model.bin");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = Checkpoint::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("pytorch_model.bin` cannot be read"), "{error}");
}

#[test]
fn an_adapter_of_a_pickle_is_that_of_its_safetensors_file() {
    let of_pickle = AdapterFile::open(fixture("formats/t5v11/peft_bin")).unwrap();
    let expected = AdapterFile::open(fixture("t5v11/adapter")).unwrap();
    assert_eq!(of_pickle.vectors, expected.vectors);
    assert_eq!(of_pickle.vectors.len(), 21);
    let file = AdapterFile::open(fixture("formats/t5v11/peft_bin/adapter_model.bin")).unwrap();
    assert_eq!(file.vectors, expected.vectors);
}

#[test]
fn a_damaged_pickle_of_an_adapter_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    copy("formats/t5v11/peft_bin", dir.path());
    let path = dir.path().join("adapter_model.bin");
    let mut bytes = fs::read(&path).unwrap();
    let place =
        bytes.windows(4).position(|bytes| bytes == b"data").map_or(0, |at| bytes.len().min(at + 2000));
    bytes[place] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let error = AdapterFile::open(dir.path()).unwrap_err();
    assert!(matches!(error, AdapterFileError::Torch(_) | AdapterFileError::File(_)), "{error:?}");
    // A safetensors file beside it is read instead.
    fs::copy(
        fixture("t5v11/adapter/adapter_model.safetensors"),
        dir.path().join("adapter_model.safetensors"),
    )
    .unwrap();
    assert!(AdapterFile::open(dir.path()).is_ok());
}
