//! Which files of a repository are downloaded: those that a base or an adapter is read from, and no others.

use crate::error::HubError;
use crate::repo_id::RepoId;

/// What a repository is expected to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A base: `config.json`, weights, and the files of its tokenizer, generation and pooling.
    Base,
    /// An adapter: `adapter_config.json` and its weights.
    Adapter,
}

/// Weights, the first that the repository has is taken. A name with `.index.json` stands for the files that it names.
const BASE_WEIGHTS: [&str; 4] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
];
const ADAPTER_WEIGHTS: [&str; 2] = ["adapter_model.safetensors", "adapter_model.bin"];

/// The other files of a base, as far as the repository has them.
const BESIDE_BASE: [&str; 15] = [
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "spiece.model",
    "tokenizer.model",
    "chat_template.jinja",
    "chat_template.json",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
];

impl Kind {
    /// The file without which there is no such thing.
    pub(crate) fn config(self) -> &'static str {
        match self {
            Self::Base => "config.json",
            Self::Adapter => "adapter_config.json",
        }
    }

    fn weights(self) -> &'static [&'static str] {
        match self {
            Self::Base => &BASE_WEIGHTS,
            Self::Adapter => &ADAPTER_WEIGHTS,
        }
    }

    /// The weights that are taken among the files there are.
    pub(crate) fn weights_among(self, has: impl Fn(&str) -> bool) -> Option<&'static str> {
        self.weights().iter().copied().find(|name| has(name))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Adapter => "adapter",
        }
    }
}

/// The files of a repository that are downloaded, the weights last; the shards that an index names are not among them.
///
/// # Errors
///
/// [`HubError::NotA`] for a repository without a configuration or weights.
pub(crate) fn selected(kind: Kind, id: &RepoId, files: &[String]) -> Result<Vec<String>, HubError> {
    let has = |name: &str| files.iter().any(|file| file == name);
    let missing =
        |missing| HubError::NotA { id: id.to_string(), what: kind.name(), missing, files: files.to_vec() };
    if !has(kind.config()) {
        return Err(missing(kind.config()));
    }
    let weights = kind.weights_among(has).ok_or_else(|| missing("weights in safetensors or of PyTorch"))?;
    let beside =
        |file: &&String| kind == Kind::Base && (BESIDE_BASE.contains(&file.as_str()) || is_module(file));
    let mut chosen: Vec<String> = files.iter().filter(beside).cloned().collect();
    chosen.insert(0, kind.config().into());
    chosen.push(weights.into());
    Ok(chosen)
}

/// The configuration of a module of sentence-transformers: `1_Pooling/config.json`.
fn is_module(file: &str) -> bool {
    let Some((module, "config.json")) = file.split_once('/') else { return false };
    module.starts_with(|c: char| c.is_ascii_digit()) && is_plain(module)
}

/// Whether a name is that of a file in the folder itself on any system.
pub(crate) fn is_plain(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(kind: Kind, files: &[&str]) -> Result<String, String> {
        let files: Vec<String> = files.iter().map(|file| file.to_string()).collect();
        let id = RepoId::parse("me/x").unwrap();
        selected(kind, &id, &files).map(|files| files.join(" ")).map_err(|error| error.to_string())
    }

    #[test]
    fn only_what_is_read_is_downloaded_and_safetensors_first() {
        let all = [
            "README.md",
            "config.json",
            "flax_model.msgpack",
            "model.safetensors",
            "onnx/model.onnx",
            "pytorch_model.bin",
            "spiece.model",
            "tokenizer.json",
            "1_Pooling/config.json",
            "tf_model.h5",
        ];
        assert_eq!(
            chosen(Kind::Base, &all).unwrap(),
            "config.json spiece.model tokenizer.json 1_Pooling/config.json model.safetensors"
        );
        let pickle = ["config.json", "pytorch_model.bin"];
        assert_eq!(chosen(Kind::Base, &pickle).unwrap(), "config.json pytorch_model.bin");
        let adapter = ["README.md", "adapter_config.json", "adapter_model.bin", "adapter_model.safetensors"];
        assert_eq!(chosen(Kind::Adapter, &adapter).unwrap(), "adapter_config.json adapter_model.safetensors");
    }

    #[test]
    fn a_repository_of_something_else_is_named_as_such() {
        let error = chosen(Kind::Adapter, &["config.json", "model.safetensors"]).unwrap_err();
        assert!(error.contains("is no adapter: it has no adapter_config.json"), "{error}");
        let error = chosen(Kind::Base, &["config.json", "model.gguf"]).unwrap_err();
        assert!(error.contains("no weights") && error.contains("`model.gguf`"), "{error}");
    }
}
