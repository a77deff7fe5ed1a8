//! Writing an adapter file in any format.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ia3_config::{ModelInfo, Placement};

use crate::adapter_file::{AdapterFile, CONFIG, FileVector};
use crate::adapter_file_save;
use crate::adapter_save::SavedAdapter;
use crate::error::IoError;
use crate::formats::{AdapterFormat, adapterhub, config_field, is_adapterhub, order, tfew};

impl AdapterFile {
    /// Writes the adapter in a format: a folder for PEFT and AdapterHub, a file for T-Few.
    ///
    /// Values keep their bits. An adapter of that format at the path is replaced, whole or not at all; anything else
    /// there is left alone. T-Few and AdapterHub hold vectors on outputs only;
    /// [`place_feed_forward`](Self::place_feed_forward) moves those on the input of `wo` where that is exact.
    ///
    /// `base` is what is known of the base: without it the placements are those of the configuration and the shapes,
    /// and AdapterHub's `model_type` is `t5`.
    ///
    /// # Errors
    ///
    /// [`IoError::InTheWay`]; [`IoError::Unrepresentable`] and [`IoError::SavedWhole`] for what the format cannot
    /// hold; the errors of [`placements`](Self::placements); [`IoError::Io`] and [`IoError::NotAFolder`].
    pub fn save_as(
        &self,
        format: AdapterFormat,
        path: impl AsRef<Path>,
        base: Option<&ModelInfo>,
    ) -> Result<SavedAdapter, IoError> {
        let path = path.as_ref();
        check_target(format, path)?;
        let placements = self.placements(base)?;
        match format {
            AdapterFormat::Peft => adapter_file_save::save(self, &placements, path),
            AdapterFormat::TFew => tfew::write(self.outputs(format, &placements)?, path),
            AdapterFormat::AdapterHub => {
                adapterhub::write(&self.config, self.outputs(format, &placements)?, path, base)
            }
        }
    }

    /// The vectors in the order of a model's modules, if all are on outputs and nothing is saved whole.
    fn outputs(
        &self,
        format: AdapterFormat,
        placements: &BTreeMap<String, Placement>,
    ) -> Result<Vec<(&str, &FileVector)>, IoError> {
        if !self.saved.is_empty() {
            return Err(IoError::SavedWhole { format, parameters: self.saved.keys().cloned().collect() });
        }
        let on_output = |(module, placement): &(&String, &Placement)| {
            let column = self.vectors.get(*module).is_some_and(|vector| matches!(*vector.shape, [_, 1]));
            **placement == Placement::Output && column
        };
        if let Some((module, &placement)) = placements.iter().find(|vector| !on_output(vector)) {
            return Err(IoError::Unrepresentable { format, module: module.clone(), placement });
        }
        let mut vectors: Vec<(&str, &FileVector)> =
            self.vectors.iter().map(|(module, vector)| (module.as_str(), vector)).collect();
        vectors.sort_by_cached_key(|(module, _)| order::key(module));
        Ok(vectors)
    }
}

/// Refuses to write over anything but an adapter of the same format.
fn check_target(format: AdapterFormat, path: &Path) -> Result<(), IoError> {
    let in_the_way = |path: PathBuf| Err(IoError::InTheWay { path, format });
    if !path.exists() {
        return Ok(());
    }
    if format == AdapterFormat::TFew {
        return if path.is_file() && tfew::read(path).is_ok() { Ok(()) } else { in_the_way(path.to_owned()) };
    }
    if !path.is_dir() {
        return Err(IoError::NotAFolder { path: path.to_owned() });
    }
    let is_config = |path: &Path| match format {
        AdapterFormat::AdapterHub => is_adapterhub(path),
        _ => config_field(path, "peft_type").is_some_and(|peft_type| peft_type == "IA3"),
    };
    let empty = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    match empty || is_config(&path.join(CONFIG)) {
        true if format == AdapterFormat::AdapterHub => adapterhub::check_folder(path),
        true => Ok(()),
        false => in_the_way(path.to_owned()),
    }
}
