//! Converting an adapter from one format to another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ia3_config::Placement;
use ia3_io::AdapterFile;
use ia3_io::fs::{Leftover, WrittenFiles};

use crate::error::ConvertError;
use crate::feed_forward::{FeedForwardSite, Placed, place_feed_forward};
use crate::format::AdapterFormat;
use crate::open::{OpenedAdapter, open_adapter_for};
use crate::options::ConvertOptions;
use crate::save::Output;

/// The result of a conversion.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Converted {
    /// The format of the source.
    pub from: AdapterFormat,
    /// The format that was written.
    pub to: AdapterFormat,
    /// The adapter as it was written, with the path of the source.
    pub adapter: AdapterFile,
    /// What each vector multiplies, by module path.
    pub placements: BTreeMap<String, Placement>,
    /// Which feed-forward vectors were moved.
    pub placed: Placed,
    /// Tensors of the source that do not belong to the adapter and were left out.
    pub ignored: Vec<String>,
    /// The files.
    pub files: Vec<PathBuf>,
    /// Their total size.
    pub bytes: u64,
    /// What earlier writes to the same path, in processes that were killed, had left.
    pub leftovers: Vec<Leftover>,
}

/// Reads an adapter of any format and writes it in another format, or in the same one with its vectors moved.
///
/// Values keep their bits, except where two vectors of a gated feed-forward block are multiplied. Everything is checked
/// before the first byte is written.
///
/// # Errors
///
/// Those of [`open_adapter`](crate::open_adapter), [`place_feed_forward`] and [`save_adapter_as`](crate::save_adapter_as).
pub fn convert_adapter(
    from: impl AsRef<Path>,
    to: AdapterFormat,
    out: impl AsRef<Path>,
) -> Result<Converted, ConvertError> {
    convert_adapter_with(from, to, out, &ConvertOptions::new())
}

/// Converts an adapter as [`convert_adapter`] does, with options.
///
/// # Errors
///
/// As [`convert_adapter`], [`ConvertError::Adapter`] for values that are NaN or infinite, and
/// [`ConvertError::NothingToPlace`] if a site is given and the adapter has no vector that could
/// be placed there.
///
/// ```no_run
/// use ia3_convert::{AdapterFormat, ConvertOptions, FeedForwardSite, convert_adapter_with};
///
/// let options = ConvertOptions::new().with_site(FeedForwardSite::Wo).with_base_name("bigscience/T0_3B");
/// let converted = convert_adapter_with("t03b_ia3_finish.pt", AdapterFormat::Peft, "adapter", &options)?;
/// assert_eq!(converted.placed.moved.len(), 48);
/// # Ok::<(), ia3_convert::ConvertError>(())
/// ```
pub fn convert_adapter_with(
    from: impl AsRef<Path>,
    to: AdapterFormat,
    out: impl AsRef<Path>,
    options: &ConvertOptions,
) -> Result<Converted, ConvertError> {
    let output = Output::open(to, out.as_ref())?;
    let OpenedAdapter { format: source, mut file, ignored } = open_adapter_for(from, options.base.as_ref())?;
    if let Some(name) = &options.base_name {
        file.config.base_model_name_or_path = Some(name.clone());
    }
    let (adapter, placed) = place(file, to, options)?;
    adapter.check_finite()?;
    let placements = adapter.placements(options.base.as_ref())?;
    let WrittenFiles { files, bytes, .. } = output.write(&adapter, options.base.as_ref())?;
    let leftovers = output.leftovers().to_vec();
    Ok(Converted { from: source, to, adapter, placements, placed, ignored, files, bytes, leftovers })
}

fn place(
    file: AdapterFile,
    to: AdapterFormat,
    options: &ConvertOptions,
) -> Result<(AdapterFile, Placed), ConvertError> {
    let forced = (to != AdapterFormat::Peft).then_some(FeedForwardSite::Wi1);
    let Some(site) = options.site.or(forced) else { return Ok((file, Placed::default())) };
    let (file, placed) = place_feed_forward(file, site, options.base.as_ref())?;
    match options.site.is_some() && placed.moved.is_empty() && placed.kept.is_empty() {
        true => Err(ConvertError::NothingToPlace { path: file.path }),
        false => Ok((file, placed)),
    }
}
