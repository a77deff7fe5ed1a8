//! Where rows stand in a data file.

use std::path::Path;

use ia3::data::read_records;

/// The line numbers of these rows of a data file, for a message.
///
/// Where some rows of the file are held out or have several windows, `places` are the rows of the file.
pub(super) fn lines_of(path: &Path, places: Option<&Vec<usize>>, rows: &[usize]) -> String {
    let filled = read_records(path).unwrap_or_default();
    let place = |row: usize| places.map_or(Some(row), |places| places.get(row).copied());
    let mut numbers: Vec<String> =
        rows.iter().filter_map(|&row| Some(filled.get(place(row)?)?.0.to_string())).collect();
    numbers.dedup();
    format!("lines {} of {}", numbers.join(", "), path.display())
}
