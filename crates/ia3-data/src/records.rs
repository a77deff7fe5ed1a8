use std::io::{Error, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::error::DataError;
use crate::record::Record;

/// Reads a file with one JSON object per line. Returns each row with the number of its line, from 1. Empty lines are skipped.
/// Gzip files are recognised by their content.
///
/// # Errors
///
/// [`DataError::Read`] if the file cannot be read, [`DataError::NoRows`] if it has no rows, and [`DataError::Line`] for a line
/// that is not UTF-8 or not a JSON object.
pub fn read_records(path: &Path) -> Result<Vec<(usize, Record)>, DataError> {
    let bytes = content(path).map_err(|source| DataError::Read { path: path.into(), source })?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let mut rows = vec![];
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let row = row(line).map_err(|error| error.at(path, index + 1))?;
        rows.extend(row.map(|row| (index + 1, row)));
    }
    match rows.is_empty() {
        true => Err(DataError::NoRows { path: path.into() }),
        false => Ok(rows),
    }
}

fn row(line: &[u8]) -> Result<Option<Record>, DataError> {
    let line = std::str::from_utf8(line).map_err(|e| DataError::Utf8 { byte: e.valid_up_to() + 1 })?;
    match line.trim().is_empty() {
        true => Ok(None),
        false => Record::from_json(line).map(Some),
    }
}

fn content(path: &Path) -> Result<Vec<u8>, Error> {
    let bytes = std::fs::read(path)?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut unpacked = vec![];
    let read = MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut unpacked);
    read.map_err(|error| Error::new(error.kind(), format!("the gzip data is damaged: {error}")))?;
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<(usize, Record)>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data.jsonl");
        std::fs::write(&path, bytes).unwrap();
        let plain = |error: DataError| error.to_string().replace(&format!("{}/", dir.path().display()), "");
        read_records(&path).map_err(plain)
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(vec![], Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    const ROWS: &[u8] = b"\xef\xbb\xbf{\"a\": \"x\"}\r\n\n  \n{\"a\": \"\xc3\xa9\"}";

    #[test]
    fn rows_have_the_numbers_of_their_lines_packed_or_not() {
        let twice = [packed(&ROWS[..15]), packed(&ROWS[15..])].concat();
        for bytes in [ROWS.to_vec(), packed(ROWS), twice] {
            let rows = read(&bytes).unwrap();
            let rows: Vec<_> = rows.iter().map(|(line, row)| (*line, row.text("a").unwrap())).collect();
            assert_eq!(rows, [(1, "x".to_string()), (4, "é".to_string())]);
        }
    }

    #[test]
    fn a_bad_line_is_named() {
        let problem = |bytes: &[u8]| read(bytes).unwrap_err();
        assert_eq!(problem(b"{}\n{\"a\":"), "data.jsonl, line 2: EOF while parsing a value at column 5");
        assert_eq!(problem(b"{}\n\n{\"a\": \"\xff\"}"), "data.jsonl, line 3: byte 8 is not UTF-8");
        let list = "data.jsonl, line 1: expected an object of named fields, found a list";
        assert_eq!(problem(b"[]"), list);
        assert_eq!(problem(b"\n"), "data.jsonl has no rows; expected one JSON object per line");
        let whole = packed(ROWS);
        let cut = problem(&whole[..whole.len() - 6]);
        assert!(cut.starts_with("cannot read data.jsonl: the gzip data is damaged: "), "{cut}");
        assert!(read_records(Path::new("nowhere.jsonl")).unwrap_err().to_string().starts_with("cannot read"));
    }
}
