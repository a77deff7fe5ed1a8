use std::path::Path;

use ia3::data::read_records;

/// The lines of a file that hold these rows, for a message.
pub(super) fn lines_of(path: &Path, rows: &[usize]) -> String {
    let filled = read_records(path).unwrap_or_default();
    let numbers: Vec<String> = rows.iter().filter_map(|&row| Some(filled.get(row)?.0.to_string())).collect();
    format!("lines {} of {}", numbers.join(", "), path.display())
}
