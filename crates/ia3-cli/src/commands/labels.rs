//! How many classes a classifier has.

use std::path::{Path, PathBuf};

use ia3::ModelConfig;
use ia3::io::{AdapterFile, Checkpoint};

const HEAD: &str = "classifier.weight";

/// The classes of the head that the base's file holds; none of a base without one.
pub(crate) fn of_base(base: &Path) -> anyhow::Result<Option<usize>> {
    let checkpoint = Checkpoint::open(base)?;
    let head = checkpoint.tensors().find(|tensor| tensor.name == HEAD);
    Ok(head.and_then(|head| head.shape.first().copied()))
}

/// The base's configuration, with as many classes as the head that the first adapter brings, where the base has none.
pub(crate) fn config_for(base: &Path, adapters: &[PathBuf]) -> anyhow::Result<ModelConfig> {
    let config = ia3::read_config(base)?;
    let (ModelConfig::Bert(_), Some(adapter)) = (&config, adapters.first()) else { return Ok(config) };
    if of_base(base)?.is_some() {
        return Ok(config);
    }
    let saved = AdapterFile::open(adapter)?.saved;
    let labels = saved.get(HEAD).and_then(|head| head.shape().first().copied());
    Ok(labels.map_or(config.clone(), |labels| config.with_num_labels(labels)))
}
