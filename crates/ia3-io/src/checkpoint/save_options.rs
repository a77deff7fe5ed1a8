use std::collections::BTreeMap;
use std::path::PathBuf;

/// How a checkpoint is saved. By default it is one file with the metadata `{"format": "pt"}`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CheckpointOptions {
    /// Further metadata of the file.
    pub metadata: BTreeMap<String, String>,
    /// The largest size of a shard, in bytes of tensors. If it is set and exceeded, the checkpoint is split into shards with
    /// an index.
    pub max_shard_bytes: Option<u64>,
    /// Whether weights that are already in the folder are replaced.
    pub overwrite: bool,
    /// The folder of the base. Nothing is written into it, and its `config.json` is used if the target folder has none.
    pub base: Option<PathBuf>,
    /// Whether the configuration and the tokenizer of the base are written too, as [`copy_sidecars`](crate::copy_sidecars)
    /// does.
    pub sidecars: bool,
    /// The text of `config.json`, instead of that of the base.
    pub config: Option<String>,
    /// Other names of float parameters in the file: (name in the model, name in the file).
    pub names: Vec<(String, String)>,
}

impl CheckpointOptions {
    /// The default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`metadata`](Self::metadata).
    pub fn with_metadata(mut self, metadata: BTreeMap<String, String>) -> Self {
        self.metadata = metadata;
        self
    }

    /// Sets [`max_shard_bytes`](Self::max_shard_bytes).
    pub fn with_max_shard_bytes(mut self, bytes: u64) -> Self {
        self.max_shard_bytes = Some(bytes);
        self
    }

    /// Sets [`overwrite`](Self::overwrite).
    pub fn with_overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Sets [`base`](Self::base).
    pub fn with_base(mut self, base: impl Into<PathBuf>) -> Self {
        self.base = Some(base.into());
        self
    }

    /// Sets [`sidecars`](Self::sidecars).
    pub fn with_sidecars(mut self, sidecars: bool) -> Self {
        self.sidecars = sidecars;
        self
    }

    /// Sets [`names`](Self::names).
    pub fn with_names(mut self, names: Vec<(String, String)>) -> Self {
        self.names = names;
        self
    }

    /// Sets [`config`](Self::config).
    pub fn with_config(mut self, text: impl Into<String>) -> Self {
        self.config = Some(text.into());
        self
    }
}
