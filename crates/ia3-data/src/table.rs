//! Tables in text: fields separated by commas or tabs.

use std::io::Read;
use std::path::Path;

use csv::{ReaderBuilder, StringRecord};

use crate::error::{DataError, RowError};
use crate::record::Record;

/// What separates the fields of a table with the name of this file; `None` for any other file.
pub(crate) fn separator(path: &Path) -> Option<u8> {
    let name = path.file_name()?.to_str()?.to_lowercase();
    match name.strip_suffix(".gz").unwrap_or(&name).rsplit('.').next()? {
        "csv" => Some(b','),
        "tsv" => Some(b'\t'),
        _ => None,
    }
}

/// The rows of a table whose first line has the names of the fields, with the numbers of the lines at which they begin.
pub(crate) fn rows(source: impl Read, separator: u8, path: &Path) -> Result<Vec<(usize, Record)>, DataError> {
    let mut reader = ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(source);
    let bad = |error: csv::Error| {
        let line = error.position().map_or(1, |position| position.line() as usize);
        DataError::from(RowError::Table { reason: error.to_string() }).at(path, line)
    };
    let names = reader.headers().map_err(bad)?.clone();
    let names: Vec<&str> = names.iter().map(|name| name.trim_start_matches('\u{feff}')).collect();
    let mut rows = vec![];
    for record in reader.records() {
        let record = record.map_err(bad)?;
        let line = record.position().map_or(0, |position| position.line() as usize);
        rows.push((line, row(&names, &record).map_err(|error| error.at(path, line))?));
    }
    match rows.is_empty() {
        true => Err(DataError::NoRows { path: path.into() }),
        false => Ok(rows),
    }
}

fn row(names: &[&str], record: &StringRecord) -> Result<Record, DataError> {
    match names.len() == record.len() {
        true => Ok(Record::from_texts(names.iter().copied().zip(record))),
        false => Err(RowError::Columns { found: record.len(), expected: names.len() }.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Vec<(usize, Record)>, String> {
        let path = Path::new(name);
        rows(text.as_bytes(), separator(path).unwrap(), path).map_err(|error| error.to_string())
    }

    #[test]
    fn quoted_fields_hold_separators_and_line_breaks() {
        let rows = read("a.csv", "\u{feff}input,label\n\"a, \"\"b\"\"\nc\",1\nd,0\n").unwrap();
        let fields: Vec<_> = rows
            .iter()
            .map(|(line, row)| (*line, row.text("input").unwrap(), row.text("label").unwrap()))
            .collect();
        assert_eq!(fields, [(2, "a, \"b\"\nc".into(), "1".into()), (4, "d".into(), "0".into())]);
        assert_eq!(read("a.TSV", "input\tb\nx y\tz\n").unwrap()[0].1.text("input").unwrap(), "x y");
    }

    #[test]
    fn a_row_of_another_length_is_named() {
        assert_eq!(
            read("a.csv", "a,b\n1,2\n3\n").unwrap_err(),
            "a.csv, line 3: the row has 1 field, but the first line names 2"
        );
        assert!(read("a.csv", "a,b\n").unwrap_err().contains("has no rows"));
        assert_eq!(separator(Path::new("b/a.csv.gz")), Some(b','));
        assert_eq!(separator(Path::new("a.jsonl")), None);
    }
}
