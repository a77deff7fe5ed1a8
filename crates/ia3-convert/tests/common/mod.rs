#![allow(dead_code, unreachable_pub)] // Each test uses a part of this module.

pub mod torch;

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use ia3_config::ModelInfo;
use ia3_models::ModelConfig;

/// A path in the parity corpus.
pub fn fixture(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures")).join(path)
}

/// The names in a folder.
pub fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

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

/// The bytes of a byte string as Rust writes it: `\\x80\\x02}q`.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = vec![];
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match (byte, byte == b'\\') {
            (_, false) => byte,
            (_, true) => match rest.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'x') => {
                    let digits: Vec<u8> = rest.by_ref().take(2).collect();
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other.expect("a character after the backslash"),
            },
        });
    }
    bytes
}
