//! Inputs that must be refused, each with its exact message and without leaving files behind.
//!
//! The JSON files of this folder hold the cases. `DIR` in a message stands for the folder of the case, `FIXTURES` for the
//! parity corpus.

#[path = "../common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use common::{Tiny, fixture, raw};
use ia3_config::ModelInfo;
use ia3_io::{AdapterFile, Checkpoint, CheckpointError, load_adapter};
use ia3_models::t5::T5Config;
use ia3_testing::{BadInput, run_bad_inputs, unescape};
use serde_json::{Map, Value};

/// One input and the message with which it must be refused.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// What opens the input.
    open: Open,
    /// What is opened in the folder of the case; by default the folder itself.
    #[serde(default)]
    path: String,
    /// An adapter of the corpus, which is opened instead.
    adapter: Option<String>,
    /// The fields of T5's `config.json` that differ from the corpus.
    #[serde(default)]
    change: Map<String, Value>,
    /// The files in the folder of the case.
    #[serde(default)]
    files: BTreeMap<String, Content>,
    expected: String,
}

#[derive(serde::Deserialize)]
enum Open {
    #[serde(rename = "checkpoint")]
    Checkpoint,
    /// The checkpoint with its announced bits and all of its tensors.
    #[serde(rename = "tensors")]
    Tensors,
    #[serde(rename = "adapter")]
    Adapter,
    #[serde(rename = "adapter of T5")]
    AdapterOfT5,
    #[serde(rename = "adapter of the small model")]
    AdapterOfTiny,
}

#[derive(serde::Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Content {
    Text {
        text: String,
    },
    /// Bytes as in a byte string of Rust.
    Bytes {
        bytes: String,
    },
    /// A safetensors file: the header and zeros.
    Tensors {
        header: String,
        zeros: usize,
    },
    /// A safetensors file whose header ends in so many brackets.
    Nested {
        header: String,
        nested: usize,
    },
    /// A file of the corpus.
    Fixture {
        fixture: String,
    },
}

impl Content {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text { text } => text.clone().into_bytes(),
            Self::Bytes { bytes } => unescape(bytes),
            Self::Tensors { header, zeros } => raw(header, &vec![0; *zeros]),
            Self::Nested { header, nested } => raw(&format!("{header}{}", "[".repeat(*nested)), &[]),
            Self::Fixture { fixture: path } => fs::read(fixture(path)).unwrap(),
        }
    }
}

impl BadInput for Case {
    fn name(&self) -> &str {
        &self.name
    }

    fn expected(&self) -> String {
        self.expected.clone()
    }

    fn write(&self, dir: &Path) -> PathBuf {
        for (name, content) in &self.files {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content.bytes()).unwrap();
        }
        match &self.adapter {
            Some(adapter) => fixture(adapter),
            None if self.path.is_empty() => dir.to_owned(),
            None => dir.join(&self.path),
        }
    }

    fn open(&self, input: &Path, _: &Path) -> Option<String> {
        let load = |info: &ModelInfo| load_adapter(input, info, &Device::flex()).err().map(|e| e.to_string());
        match self.open {
            Open::Checkpoint => Checkpoint::open(input).err().map(|e| e.to_string()),
            Open::Tensors => read_all(input).err().map(|e| e.to_string()),
            Open::Adapter => AdapterFile::open(input).err().map(|e| e.to_string()),
            Open::AdapterOfT5 => load(&t5(&self.change)),
            Open::AdapterOfTiny => load(&Tiny::new(&Device::flex()).info()),
        }
    }
}

fn read_all(input: &Path) -> Result<(), CheckpointError> {
    let checkpoint = Checkpoint::open(input)?;
    checkpoint.quantization()?;
    checkpoint.tensors().try_for_each(|tensor| checkpoint.tensor(tensor.name).map(drop))
}

/// The base of the T5 fixture with some fields changed.
fn t5(change: &Map<String, Value>) -> ModelInfo {
    let text = fs::read_to_string(fixture("t5/base/config.json")).unwrap();
    let mut config: Map<String, Value> = serde_json::from_str(&text).unwrap();
    config.extend(change.clone());
    let text = Value::from(config).to_string();
    T5Config::from_json(&text).unwrap().init(&Device::flex()).info()
}

fn main() {
    run_bad_inputs::<Case>(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_inputs"))
}
