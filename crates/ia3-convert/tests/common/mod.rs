#![allow(dead_code, unreachable_pub, unused_imports)] // Each test uses a part of this module.

pub mod torch;

use std::fs;
use std::path::Path;

use burn::tensor::Device;
use ia3_config::ModelInfo;
use ia3_models::ModelConfig;
pub use ia3_testing::{fixture, names};

/// The facts of a base in the parity corpus, from its `config.json`.
pub fn info(case: &str) -> ModelInfo {
    let text = fs::read_to_string(fixture(case).join("base/config.json")).unwrap();
    ModelConfig::from_json(&text).unwrap().init(&Device::flex()).info()
}

/// Copies the files of a folder of the parity corpus.
pub fn copy(from: &str, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(fixture(from)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
