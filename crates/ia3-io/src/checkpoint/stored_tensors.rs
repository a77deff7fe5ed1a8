//! The tensors of the files of a checkpoint, as the files hold them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ia3_config::similar_name;

use crate::checkpoint::CheckpointError;
use crate::checkpoint::folder::locate;
use crate::checkpoint::index::open_shards;
use crate::missing::Missing;
use crate::safetensors::{Entry, TensorFile};

/// The files of a checkpoint and the file of each tensor.
#[derive(Debug)]
pub(crate) struct StoredTensors {
    path: PathBuf,
    /// The index of the shards, if there is one.
    index: Option<PathBuf>,
    files: Vec<TensorFile>,
    tensors: BTreeMap<String, usize>,
}

impl StoredTensors {
    /// Opens the weights in a folder, an index of shards, or one file. Reads and checks the headers only.
    pub(super) fn open(path: &Path) -> Result<Self, CheckpointError> {
        let file = locate(path)?;
        let (index, files) =
            match file.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".json")) {
                true => (Some(file.clone()), open_shards(&file)?),
                false if !path.is_dir() && ia3_gguf::is_gguf(&file) => {
                    (None, vec![TensorFile::open_gguf(&file)?])
                }
                false => (None, vec![TensorFile::open_weights(&file)?]),
            };
        let files: Vec<TensorFile> = files.into_iter().map(TensorFile::with_experts_apart).collect();
        let names =
            |(i, file): (usize, &TensorFile)| file.tensors.keys().map(|n| (n.clone(), i)).collect::<Vec<_>>();
        let tensors = files.iter().enumerate().flat_map(names).collect();
        Ok(Self { path: path.to_owned(), index, files, tensors })
    }

    /// The path it was opened from.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the checkpoint.
    pub(crate) fn folder(&self) -> Option<&Path> {
        if self.path.is_dir() { Some(&self.path) } else { self.path.parent() }
    }

    /// The index of the shards, if there is one.
    pub(super) fn index(&self) -> Option<&Path> {
        self.index.as_deref()
    }

    /// The files that hold the tensors.
    pub(crate) fn files(&self) -> &[TensorFile] {
        &self.files
    }

    /// The names of the tensors.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Whether there is a tensor of that name.
    pub(crate) fn holds(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// A tensor and its file.
    pub(crate) fn entry(&self, name: &str) -> Result<(&TensorFile, &Entry), CheckpointError> {
        let file = self.tensors.get(name).and_then(|&file| self.files.get(file));
        let entry = file.and_then(|file| Some((file, file.tensors.get(name)?)));
        entry.ok_or_else(|| {
            let nearest = similar_name(name, self.names()).map(str::to_owned);
            CheckpointError::NoTensor {
                path: self.path.clone(),
                tensor: Missing { name: name.to_string(), nearest },
            }
        })
    }
}
