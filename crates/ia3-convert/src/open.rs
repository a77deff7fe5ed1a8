use std::path::Path;

use ia3_config::ModelInfo;
use ia3_io::AdapterFile;

use crate::error::ConvertError;
use crate::format::AdapterFormat;
use crate::recognise::folder;
use crate::{adapterhub, lycoris, tfew};

/// An adapter that was read from any of the formats.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenedAdapter {
    /// The format that it was read from.
    pub format: AdapterFormat,
    /// The adapter.
    pub file: AdapterFile,
    /// Tensors of the file that do not belong to the adapter and were not read. T-Few writes weights of the base under
    /// DeepSpeed.
    pub ignored: Vec<String>,
}

/// Reads an adapter of any format, see [`AdapterFormat`].
///
/// A T-Few or AdapterHub adapter gets the configuration that PEFT needs for the same vectors in the same place. All of them
/// are on outputs, so `feedforward_modules` is empty. No code in a pickle is run.
///
/// # Errors
///
/// As [`AdapterFile::open`]; [`ConvertError::Torch`] for a file of `torch.save` that is damaged or holds something else than
/// tensors; [`ConvertError::NoVectors`], [`ConvertError::NotIa3`] and [`ConvertError::ColumnForm`] for tensors that are not
/// those of an (IA)³ adapter; [`ConvertError::AdapterHubConfig`], [`ConvertError::AdapterHubField`] and
/// [`ConvertError::NoAdapterHub`] for AdapterHub's folder; [`ConvertError::BaseNeeded`] for LyCORIS's file.
///
/// ```no_run
/// let opened = ia3_convert::open_adapter("t03b_ia3_finish.pt")?;
/// assert_eq!(opened.format, ia3_convert::AdapterFormat::TFew);
/// println!("{} vectors", opened.file.vectors.len());
/// # Ok::<(), ia3_convert::ConvertError>(())
/// ```
pub fn open_adapter(path: impl AsRef<Path>) -> Result<OpenedAdapter, ConvertError> {
    open_adapter_for(path, None)
}

/// Reads an adapter of any format for a base, which LyCORIS's format needs: its names do not say where the dots of a module path
/// are, and it does not scale biases.
///
/// # Errors
///
/// As [`open_adapter`].
pub fn open_adapter_for(
    path: impl AsRef<Path>,
    base: Option<&ModelInfo>,
) -> Result<OpenedAdapter, ConvertError> {
    let path = path.as_ref();
    let format = AdapterFormat::of(path)?;
    let (file, ignored) = match format {
        AdapterFormat::Peft => (AdapterFile::open(path)?, vec![]),
        AdapterFormat::TFew => tfew::read(path)?,
        AdapterFormat::Lycoris => (lycoris::read(path, base)?, vec![]),
        AdapterFormat::AdapterHub => (adapterhub::read(&folder(path))?, vec![]),
    };
    Ok(OpenedAdapter { format, file, ignored })
}
