//! Rows of Parquet files, against the same rows as JSON lines (`fixtures/oracle/gen_parquet.py`).

use std::path::PathBuf;

use ia3_data::{DataError, read_records};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/parquet").join(name)
}

#[test]
fn rows_are_those_of_the_json_lines() {
    let expected = read_records(&fixture("rows.jsonl")).unwrap();
    assert_eq!(expected.len(), 3);
    for name in ["snappy.parquet", "plain.parquet"] {
        let rows = read_records(&fixture(name)).unwrap();
        assert_eq!(rows.len(), expected.len());
        for ((number, row), (line, other)) in rows.iter().zip(&expected) {
            assert_eq!(number, line, "{name}");
            let names =
                |row: &ia3_data::Record| row.names().into_iter().collect::<std::collections::BTreeSet<_>>();
            assert_eq!(names(row), names(other), "{name}");
            for field in row.names() {
                let values = [row, other].map(|row| format!("{:?}", row.text(&field)));
                assert_eq!(values[0], values[1], "{name} {field}");
            }
            assert_eq!(row.texts("choices").unwrap(), other.texts("choices").unwrap(), "{name}");
        }
    }
}

#[test]
fn damaged_files_and_other_compressions_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(fixture("snappy.parquet")).unwrap();
    let path = dir.path().join("data.parquet");
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        std::fs::write(&path, &damaged).unwrap();
        drop(read_records(&path));
        std::fs::write(&path, &bytes[..at]).unwrap();
        assert!(read_records(&path).is_err(), "cut to {at} bytes");
    }
    let error = read_records(&fixture("zstd.parquet")).unwrap_err();
    assert!(matches!(error, DataError::Parquet { .. }), "{error:?}");
    assert!(error.to_string().to_lowercase().contains("zstd"), "{error}");
}
