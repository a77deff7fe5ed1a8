//! Writing an adapter file in any format.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ia3_config::{ModelInfo, Placement};
use ia3_io::adapter::CONFIG;
use ia3_io::fs::WrittenFiles;
use ia3_io::{AdapterFile, FileError, FileVector};

use crate::error::ConvertError;
use crate::format::AdapterFormat;
use crate::recognise::{config_field, is_adapterhub};
use crate::{adapterhub, order, tfew};

/// Writes the adapter in a format: a folder for PEFT and AdapterHub, a file for T-Few.
///
/// Values keep their bits. An adapter of that format at the path is replaced; anything else there is an error. T-Few and
/// AdapterHub hold vectors on outputs only; [`place_feed_forward`](crate::place_feed_forward) moves vectors from the input
/// of `wo` where that is exact.
///
/// Without `base`, the placements follow from the configuration and the shapes, and AdapterHub's `model_type` is `t5`.
///
/// # Errors
///
/// [`ConvertError::InTheWay`]; [`ConvertError::Adapter`] for a value that is NaN or infinite; [`ConvertError::Unrepresentable`] and [`ConvertError::SavedWhole`] for what the format cannot
/// hold; the errors of [`AdapterFile::placements`]; [`ConvertError::File`].
pub fn save_adapter_as(
    file: &AdapterFile,
    format: AdapterFormat,
    path: impl AsRef<Path>,
    base: Option<&ModelInfo>,
) -> Result<WrittenFiles, ConvertError> {
    let path = path.as_ref();
    check_target(format, path)?;
    file.check_finite()?;
    let placements = file.placements(base)?;
    match format {
        AdapterFormat::Peft => Ok(file.save(&placements, path)?),
        AdapterFormat::TFew => tfew::write(outputs(file, format, &placements)?, path),
        AdapterFormat::AdapterHub => {
            adapterhub::write(&file.config, outputs(file, format, &placements)?, path, base)
        }
    }
}

/// The vectors in the order of the model's modules. It is an error if one is on an input or parameters are saved whole.
fn outputs<'a>(
    file: &'a AdapterFile,
    format: AdapterFormat,
    placements: &BTreeMap<String, Placement>,
) -> Result<Vec<(&'a str, &'a FileVector)>, ConvertError> {
    if !file.saved.is_empty() {
        return Err(ConvertError::SavedWhole { format, parameters: file.saved.keys().cloned().collect() });
    }
    let on_output = |(module, placement): &(&String, &Placement)| {
        let column = file.vectors.get(*module).is_some_and(|vector| matches!(*vector.shape, [_, 1]));
        **placement == Placement::Output && column
    };
    if let Some((module, &placement)) = placements.iter().find(|vector| !on_output(vector)) {
        return Err(ConvertError::Unrepresentable { format, module: module.clone(), placement });
    }
    let mut vectors: Vec<(&str, &FileVector)> =
        file.vectors.iter().map(|(module, vector)| (module.as_str(), vector)).collect();
    vectors.sort_by_cached_key(|(module, _)| order::key(module));
    Ok(vectors)
}

/// Refuses a path that holds anything but an adapter of the same format.
fn check_target(format: AdapterFormat, path: &Path) -> Result<(), ConvertError> {
    let in_the_way = |path: PathBuf| Err(ConvertError::InTheWay { path, format });
    if !path.exists() {
        return Ok(());
    }
    if format == AdapterFormat::TFew {
        return if path.is_file() && tfew::read(path).is_ok() { Ok(()) } else { in_the_way(path.to_owned()) };
    }
    if !path.is_dir() {
        return Err(FileError::NotAFolder { path: path.to_owned() }.into());
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
