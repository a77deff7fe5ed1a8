//! The rows of a Parquet file.

use std::fs::File;
use std::path::Path;

use ia3_guard::{FileError, caught, open};
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::error::{DataError, RowError};
use crate::record::{MAX_ROW, Record};

/// The rows with their numbers, from 1. Numbers, texts, lists and groups have the form that JSON gives them; bytes are base64.
pub(crate) fn rows(path: &Path) -> Result<Vec<(usize, Record)>, DataError> {
    let read = |source| DataError::Read { path: path.into(), source };
    let file = open(path).map_err(FileError::reason).map_err(read)?;
    // The crate `parquet` trusts files more than it may.
    let rows = caught(|| read_all(file, path)).unwrap_or_else(|panic| Err(table(panic, path)))?;
    match rows.is_empty() {
        true => Err(DataError::NoRows { path: path.into() }),
        false => Ok(rows),
    }
}

fn read_all(file: File, path: &Path) -> Result<Vec<(usize, Record)>, DataError> {
    let failed = |error: parquet::errors::ParquetError| table(error.to_string(), path);
    let reader = SerializedFileReader::new(file).map_err(failed)?;
    let mut rows = vec![];
    for (number, row) in (1..).zip(reader.get_row_iter(None).map_err(failed)?) {
        let json = row.map_err(failed)?.to_json_value().to_string();
        let record = match json.len() > MAX_ROW {
            true => Err(RowError::RowTooLong { limit: MAX_ROW }.into()),
            false => Record::from_json(&json),
        };
        rows.push((number, record.map_err(|error| error.at(path, number))?));
    }
    Ok(rows)
}

fn table(reason: String, path: &Path) -> DataError {
    DataError::Parquet { path: path.into(), reason }
}
