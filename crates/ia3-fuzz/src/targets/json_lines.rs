//! A file of rows, plain or packed.

use ia3_data::{Fields, read_records};
use serde_json::{Map, Value};

use crate::input::Folder;
use crate::seeds;
use crate::target::Target;

/// The file.
pub const TARGET: Target = Target {
    name: "json_lines",
    run,
    seeds: || seeds::contents("jsonl"),
    tokens: &["input", "target", "label", "choices", "text", "{\"input\": \"", "\"}\n", "\u{feff}", "\r\n"],
};

fn run(data: &[u8]) {
    let folder = Folder::new();
    let path = folder.write("data.jsonl", data);
    let Ok(rows) = read_records(&path) else { return };
    assert!(!rows.is_empty());
    let packed = data.starts_with(&[0x1f, 0x8b]);
    let lines: Vec<&[u8]> = data.split(|byte| *byte == b'\n').collect();
    for (line, row) in rows {
        let bytes = lines.get(line - 1).copied().unwrap_or_default();
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        assert!(
            packed || serde_json::from_slice::<Map<String, Value>>(bytes).is_ok(),
            "serde_json refuses line {line}"
        );
        row.names();
        let _ = Fields::new().with_label_names(["no", "yes"]).example(&row);
    }
}
