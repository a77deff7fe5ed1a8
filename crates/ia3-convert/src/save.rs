//! Writing an adapter file in any format.

use std::collections::BTreeMap;
use std::path::Path;

use ia3_config::{ModelInfo, Placement};
use ia3_io::adapter::CONFIG;
use ia3_io::fs::{FolderWrite, Leftover, OutputFolder, WrittenFiles, is_stdout, prepare_file};
use ia3_io::{AdapterFile, FileVector};

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
/// [`ConvertError::InTheWay`]; [`ConvertError::NotWritten`]; [`ConvertError::Unrepresentable`] and [`ConvertError::SavedWhole`] for what the format cannot
/// hold; the errors of [`AdapterFile::placements`]; [`ConvertError::File`].
pub fn save_adapter_as(
    file: &AdapterFile,
    format: AdapterFormat,
    path: impl AsRef<Path>,
    base: Option<&ModelInfo>,
) -> Result<WrittenFiles, ConvertError> {
    Output::open(format, path.as_ref())?.write(file, base)
}

/// Where an adapter is written, from the moment when nothing else may be written there.
pub(crate) enum Output<'a> {
    Peft(OutputFolder),
    AdapterHub(OutputFolder),
    TFew(&'a Path, Vec<Leftover>),
}

impl<'a> Output<'a> {
    /// Locks a folder. It is an error if the path holds anything but an adapter of the same format.
    pub(crate) fn open(format: AdapterFormat, path: &'a Path) -> Result<Self, ConvertError> {
        if format == AdapterFormat::TFew {
            check_file(path)?;
            return Ok(Self::TFew(path, prepare_file(path)?));
        }
        if format == AdapterFormat::Lycoris {
            return Err(ConvertError::NotWritten { format });
        }
        let folder = OutputFolder::lock(path)?;
        check_folder(format, &folder)?;
        Ok(if format == AdapterFormat::Peft { Self::Peft(folder) } else { Self::AdapterHub(folder) })
    }

    /// What earlier writes, in processes that were killed, had left.
    pub(crate) fn leftovers(&self) -> &[Leftover] {
        match self {
            Self::Peft(folder) | Self::AdapterHub(folder) => folder.leftovers(),
            Self::TFew(_, leftovers) => leftovers,
        }
    }

    pub(crate) fn write(
        &self,
        file: &AdapterFile,
        base: Option<&ModelInfo>,
    ) -> Result<WrittenFiles, ConvertError> {
        let placements = file.placements(base)?;
        let outputs = |format| outputs(file, format, &placements);
        match self {
            Self::Peft(folder) => Ok(file.write(&placements, FolderWrite::new(folder)?)?),
            Self::TFew(path, _) => tfew::write(outputs(AdapterFormat::TFew)?, path),
            Self::AdapterHub(folder) => {
                adapterhub::write(&file.config, outputs(AdapterFormat::AdapterHub)?, folder, base)
            }
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

/// Refuses a file that is not one of T-Few's, and a folder. Into a device or pipe anything can be written.
fn check_file(path: &Path) -> Result<(), ConvertError> {
    let is_own = |path: &Path| is_stdout(path) || tfew::read(path).is_ok();
    match path.is_dir() || (path.is_file() && !is_own(path)) {
        true => Err(ConvertError::InTheWay { path: path.to_owned(), format: AdapterFormat::TFew }),
        false => Ok(()),
    }
}

/// Refuses a folder that holds anything but an adapter of the same format.
fn check_folder(format: AdapterFormat, folder: &OutputFolder) -> Result<(), ConvertError> {
    let path = folder.path();
    let is_config = |path: &Path| match format {
        AdapterFormat::AdapterHub => is_adapterhub(path),
        _ => config_field(path, "peft_type").is_some_and(|peft_type| peft_type == "IA3"),
    };
    match folder.is_empty() || is_config(&path.join(CONFIG)) {
        true if format == AdapterFormat::AdapterHub => adapterhub::check_folder(path),
        true => Ok(()),
        false => Err(ConvertError::InTheWay { path: path.to_owned(), format }),
    }
}
