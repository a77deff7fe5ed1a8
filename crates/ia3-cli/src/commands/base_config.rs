//! The configuration of a base, and its number of classes.

use std::path::{Path, PathBuf};

use anyhow::Context;
use ia3::ModelConfig;
use ia3::io::{AdapterFile, Checkpoint};

use crate::text_file;

/// The weight of a classifier's head.
const HEAD: &str = "classifier.weight";

/// The configuration in a folder, or in a `config.json` alone.
pub(crate) fn read(path: &Path) -> anyhow::Result<ModelConfig> {
    if path.is_dir() {
        return Ok(ia3::read_config(path)?);
    }
    let text = text_file::read_of_model(path)?;
    ModelConfig::from_json(&text)
        .with_context(|| format!("{} is not the config.json of a model", path.display()))
}

/// The configuration of a base with this number of classes, if one is given. Names of another number of classes are
/// dropped, so that rows are not read by them.
pub(crate) fn with_num_labels(base: &Path, labels: Option<usize>) -> anyhow::Result<ModelConfig> {
    let config = ia3::read_config(base)?;
    Ok(labels.map_or(config.clone(), |labels| config.with_num_labels(labels)))
}

/// The number of classes of the head in the base's checkpoint; `None` if it has no head.
pub(crate) fn classes_of_head(base: &Path) -> anyhow::Result<Option<usize>> {
    let checkpoint = Checkpoint::open(base)?;
    let head = checkpoint.tensors().find(|tensor| tensor.name == HEAD);
    Ok(head.and_then(|head| head.shape.first().copied()))
}

/// The number of classes of the head that an adapter saves; `None` if it saves none.
pub(crate) fn classes_of_adapter(adapter: &Path) -> anyhow::Result<Option<usize>> {
    let saved = AdapterFile::open(adapter)?.saved;
    Ok(saved.get(HEAD).and_then(|head| head.shape().first().copied()))
}

/// The configuration of a base. Where the base is a classifier without a head, the number of classes is that of the head
/// in the first adapter that saves one.
pub(crate) fn with_head_of_adapter(base: &Path, adapters: &[PathBuf]) -> anyhow::Result<ModelConfig> {
    complete(ia3::read_config(base)?, base, adapters)
}

/// As [`with_head_of_adapter`], with the `config.json` that was read before.
pub(crate) fn complete(
    config: ModelConfig,
    base: &Path,
    adapters: &[PathBuf],
) -> anyhow::Result<ModelConfig> {
    if !matches!(config, ModelConfig::Bert(_)) || adapters.is_empty() || classes_of_head(base)?.is_some() {
        return Ok(config);
    }
    for adapter in adapters {
        if let Some(labels) = classes_of_adapter(adapter)? {
            return Ok(config.with_num_labels(labels));
        }
    }
    Ok(config)
}
