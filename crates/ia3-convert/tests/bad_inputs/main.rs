//! Adapters that must not be converted, each with its exact message and without leaving files behind.
//!
//! The JSON files of this folder hold the cases. `DIR` in a message stands for the folder of the case, `FILE` for its file.

#[path = "../common/mod.rs"]
mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::torch::{Tensor, archive, dict, torch_file};
use common::{copy, fixture, info};
use ia3_convert::{AdapterFormat, ConvertOptions, FeedForwardSite, convert_adapter_with};
use ia3_testing::{BadInput, run_bad_inputs, unescape};

const KEY: &str = "encoder.block.0.layer.0.SelfAttention.k.multi_lora_b";

/// One adapter and the message with which its conversion must be refused. Bytes are written as in a byte string of Rust.
#[derive(serde::Deserialize)]
struct Case {
    name: String,
    #[serde(flatten)]
    input: Input,
    /// The format to write; by default PEFT's.
    to: Option<String>,
    /// The case of the corpus whose base is given.
    base: Option<String>,
    /// Where the feed-forward vectors are placed.
    site: Option<String>,
    /// Files that are in the way: copies of AdapterHub's configuration.
    #[serde(default)]
    there: Vec<String>,
    expected: String,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Input {
    /// A file.
    Bytes(String),
    /// The pickle of a PyTorch file.
    Pickle(String),
    /// One vector of a T-Few file, as the pickle describes it.
    Tensor(Tensor),
    /// All tensors of a T-Few file.
    Tensors(Vec<(String, Tensor)>),
    /// The entries of a zip archive.
    Archive(Vec<(String, String)>),
    /// An adapter folder of the corpus.
    Adapter(String),
    /// AdapterHub's folder with the first text in its configuration replaced by the second.
    Hub([String; 2]),
    /// A valid T-Few file.
    #[serde(untagged)]
    Valid {},
}

impl Input {
    /// Writes the input into `dir`.
    fn write(&self, dir: &Path) -> PathBuf {
        let file = |bytes: Vec<u8>| {
            let path = dir.join("FILE");
            fs::write(&path, bytes).unwrap();
            path
        };
        match self {
            Self::Bytes(bytes) => file(unescape(bytes)),
            Self::Pickle(pickle) => file(torch_file(&unescape(pickle))),
            Self::Tensor(tensor) => file(torch_file(&dict(&[(KEY, tensor.pickle())]))),
            Self::Tensors(tensors) => {
                let items: Vec<_> = tensors.iter().map(|(key, t)| (key.as_str(), t.pickle())).collect();
                file(torch_file(&dict(&items)))
            }
            Self::Archive(entries) => {
                let entries: Vec<_> = entries.iter().map(|(name, bytes)| (name, unescape(bytes))).collect();
                let entries: Vec<_> =
                    entries.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
                file(archive(&entries))
            }
            Self::Adapter(adapter) => {
                copy(adapter, &dir.join("in"));
                dir.join("in")
            }
            Self::Hub([from, to]) => {
                copy("formats/t5v11/adapterhub", &dir.join("hub"));
                let config = dir.join("hub/adapter_config.json");
                let text = fs::read_to_string(&config).unwrap();
                assert!(text.contains(from));
                fs::write(&config, text.replacen(from, to, 1)).unwrap();
                dir.join("hub")
            }
            Self::Valid {} => file(fs::read(fixture("formats/t5v11/tfew.pt")).unwrap()),
        }
    }
}

impl Case {
    fn format(&self) -> AdapterFormat {
        let formats = [AdapterFormat::Peft, AdapterFormat::TFew, AdapterFormat::AdapterHub];
        let wanted = self.to.clone().unwrap_or("PEFT folder".to_string());
        formats.into_iter().find(|format| format.to_string() == wanted).unwrap()
    }

    fn options(&self) -> ConvertOptions {
        let mut options = ConvertOptions::new();
        options.base = self.base.as_deref().map(info);
        options.site = self.site.as_deref().map(|site| match site {
            "wo" => FeedForwardSite::Wo,
            "wi_1" => FeedForwardSite::Wi1,
            other => panic!("{other}"),
        });
        options
    }
}

impl BadInput for Case {
    fn name(&self) -> &str {
        &self.name
    }

    fn expected(&self) -> String {
        self.expected.replace("`FILE`", "`DIR/FILE`")
    }

    fn write(&self, dir: &Path) -> PathBuf {
        for file in &self.there {
            let path = dir.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::copy(fixture("formats/t5v11/adapterhub/adapter_config.json"), path).unwrap();
        }
        self.input.write(dir)
    }

    fn open(&self, input: &Path, dir: &Path) -> Option<String> {
        let converted = convert_adapter_with(input, self.format(), dir.join("out"), &self.options());
        converted.err().map(|error| error.to_string())
    }
}

fn main() {
    run_bad_inputs::<Case>(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_inputs"))
}
