//! Where rows stand in a data file.

use std::path::Path;

use ia3::data::read_records;

/// The line numbers of these rows of a data file, for a message.
pub(super) fn lines_of(path: &Path, rows: &[usize]) -> String {
    let filled = read_records(path).unwrap_or_default();
    let numbers: Vec<String> = rows.iter().filter_map(|&row| Some(filled.get(row)?.0.to_string())).collect();
    format!("lines {} of {}", numbers.join(", "), path.display())
}
