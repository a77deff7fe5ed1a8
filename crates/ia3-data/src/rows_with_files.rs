//! Rows that name files beside them, such as images and sounds.

use std::path::Path;

use rayon::prelude::*;

use crate::error::DataError;
use crate::example::Example;
use crate::record::Record;
use crate::records::read_records;

/// Reads a file of rows on all cores. `example` makes an example of a row and the folder in which the files that it names lie.
///
/// # Errors
///
/// As [`read_records`], and [`DataError::Line`] for the first row that cannot be turned into an example.
pub(crate) fn examples(
    path: &Path,
    example: impl Fn(&Record, &Path) -> Result<Example, DataError> + Sync,
) -> Result<Vec<Example>, DataError> {
    let records = read_records(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let of_row = |(line, row): &(usize, Record)| example(row, folder).map_err(|error| error.at(path, *line));
    records.par_iter().map(of_row).collect::<Vec<_>>().into_iter().collect()
}
