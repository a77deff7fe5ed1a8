use std::io::{BufRead, BufReader, Cursor, Error, Read};
use std::path::Path;

use ia3_guard::{FileError, FileKind, Limit, open_source};

use crate::error::{DataError, RowError};
use crate::gzip::unpacked;
use crate::record::{MAX_ROW, Record};
use crate::table;

/// How many bytes tell the format of a file.
const HEAD: u64 = 16;

/// Reads a file with one JSON object per line, or a pipe such as `/dev/stdin`. Returns each row with the number of its line,
/// from 1. Empty lines are skipped. Gzip files are recognised by their content.
///
/// A file whose name ends with `.csv` or `.tsv`, or with `.csv.gz` or `.tsv.gz`, is a table: its first line has the names of the
/// fields, and every value is a text.
///
/// With the feature `parquet` a Parquet file is recognised by its content too; its rows are numbered from 1, and it cannot be a
/// pipe.
///
/// A row has at most 64 MiB, a pipe gives at most 1 GiB, and gzip data unpack to at most 64 MiB and 100 times their size.
///
/// # Errors
///
/// [`DataError::Read`] if the file cannot be read, [`DataError::WrongKind`] if it is of another format, [`DataError::NoRows`] if it has no rows, and [`DataError::Line`] for a line
/// that is too long, not UTF-8 or not a JSON object.
pub fn read_records(path: &Path) -> Result<Vec<(usize, Record)>, DataError> {
    let failed = |source: Error| DataError::Read { path: path.into(), source };
    let source = open_source(path, Limit::DATA_PIPE).map_err(FileError::reason).map_err(failed)?;
    let (mut source, mut head) = (unpacked(source).map_err(failed)?, vec![]);
    source.by_ref().take(HEAD).read_to_end(&mut head).map_err(failed)?;
    let kind = FileKind::recognise(&head);
    #[cfg(feature = "parquet")]
    if kind == Some(FileKind::Parquet) {
        return crate::parquet_rows::rows(path);
    }
    if let Some(kind) = kind.filter(|kind| kind.is_binary()) {
        return Err(DataError::WrongKind { path: path.into(), kind });
    }
    let mut bytes = BufReader::new(Cursor::new(head).chain(source));
    if let Some(separator) = table::separator(path) {
        return table::rows(bytes, separator, path);
    }
    let (mut rows, mut line) = (vec![], vec![]);
    for number in 1.. {
        line.clear();
        let limit = MAX_ROW as u64 + 2; // The line break is no part of the row.
        if bytes.by_ref().take(limit).read_until(b'\n', &mut line).map_err(failed)? == 0 {
            break;
        }
        let row = row(&line, number == 1).map_err(|error| error.at(path, number))?;
        rows.extend(row.map(|row| (number, row)));
    }
    match rows.is_empty() {
        true => Err(DataError::NoRows { path: path.into() }),
        false => Ok(rows),
    }
}

fn row(line: &[u8], is_first: bool) -> Result<Option<Record>, DataError> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_prefix(b"\xef\xbb\xbf").filter(|_| is_first).unwrap_or(line);
    if line.len() > MAX_ROW {
        return Err(RowError::RowTooLong { limit: MAX_ROW }.into());
    }
    let line = std::str::from_utf8(line).map_err(|e| RowError::Utf8 { byte: e.valid_up_to() + 1 })?;
    match line.trim().is_empty() {
        true => Ok(None),
        false => Record::from_json(line).map(Some),
    }
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

    #[test]
    fn files_of_other_formats_are_named() {
        let tensors = b"\x10\0\0\0\0\0\0\0{\"a\": {\"dtype\":";
        assert!(
            read(tensors).unwrap_err().starts_with("data.jsonl is a safetensors file, expected JSON lines;")
        );
        let table = read(b"PAR1\x15\x04").unwrap_err();
        assert!(
            table.starts_with("data.jsonl is a Parquet file, expected JSON lines; ")
                && table.contains("pandas.read_parquet"),
            "{table}"
        );
        assert!(read(b"\x80\x04\x95").unwrap_err().contains("is a Python pickle"));
        assert!(read(&packed(b"PK\x03\x04")).unwrap_err().contains("is a zip archive"));
    }

    #[test]
    fn a_row_that_is_too_long_and_a_gzip_bomb_are_refused() {
        let long = read(&[b"{}\n", vec![b' '; MAX_ROW + 1].as_slice()].concat()).unwrap_err();
        assert_eq!(long, "data.jsonl, line 2: the row has more than 64 MiB, the limit for one row; split it");
        // 70 MiB of empty lines, which gzip packs to a thousandth.
        let line = [vec![b' '; 1023], vec![b'\n']].concat();
        let bomb = read(&packed(&line.repeat(70 << 10))).unwrap_err();
        let expected = "cannot read data.jsonl: it unpacks to more than 64 MiB and more than 100 times its packed \
                        size, the limit for gzip data; unpack it first if it is right";
        assert_eq!(bomb, expected);
    }
}
