//! Readers accept or refuse any bytes, and ids are truncated as the tokenizer's own truncation does it.

use std::path::{Path, PathBuf};

use ia3_data::{Record, Template, Tokenizer, read_records};
use proptest::prelude::*;
use tokenizers::TruncationParams;

fn tokenizer() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/base/tokenizer.json")
}

#[test]
fn a_template_with_the_text_many_times_takes_as_many_ids() {
    let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(tokenizer()).unwrap()).unwrap();
    let single = json["post_processor"]["single"].as_array_mut().unwrap();
    let text = single[0].clone();
    single.splice(0..0, vec![text; 9]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), json.to_string()).unwrap();
    let tokenizer = Tokenizer::open(file.path()).unwrap();
    // The rest of the text, cut into pieces of two ids, would be combined in 3^10 ways.
    assert_eq!(tokenizer.encode("abcdef", Some(3)).unwrap().len(), 2 * 10 + 1);
}

proptest! {
    #[test]
    fn bytes_are_rows_or_an_error(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), gzip: bool) {
        if gzip {
            bytes.splice(0..0, [0x1f, 0x8b]);
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        match read_records(file.path()) {
            Ok(rows) => prop_assert!(!rows.is_empty()),
            Err(error) => prop_assert!(error.to_string().contains(&file.path().display().to_string())),
        }
    }

    #[test]
    fn texts_come_back_through_fields_and_templates(text in "\\PC{0,30}", list in proptest::collection::vec("\\PC{0,8}", 1..4)) {
        let row = serde_json::json!({"text": text, "list": list, "end": "."});
        let row = Record::from_json(&row.to_string()).unwrap();
        prop_assert_eq!(row.text("text").unwrap(), text.clone());
        prop_assert_eq!(row.texts("list").unwrap(), list);
        let template = Template::new("t", "<{{ text }}> ||| {{ end }}", None).unwrap();
        prop_assert_eq!(template.render(&row, 0).unwrap().input, format!("<{text}>"));
    }

    #[test]
    fn templates_are_rendered_or_refused(jinja in "[{}%|a-z .'\"()\\[\\]=!-]{0,40}") {
        let row = Record::from_json(r#"{"a": "x", "b": [1, 2]}"#).unwrap();
        if let Ok(template) = Template::new("t", jinja, None) {
            let _ = template.render(&row, 0);
        }
    }

    #[test]
    fn ids_are_cut_as_the_tokenizer_cuts(text in "[a-z0-9 -]{0,40}", max in 2usize..20) {
        let ours = Tokenizer::open(&tokenizer()).unwrap().encode(&text, Some(max)).unwrap();
        let mut reference = tokenizers::Tokenizer::from_file(tokenizer()).unwrap();
        reference.with_padding(None);
        let cut = TruncationParams { max_length: max, ..TruncationParams::default() };
        reference.with_truncation(Some(cut)).unwrap();
        let encoding = reference.encode(text.as_str(), true).unwrap();
        prop_assert_eq!(ours, encoding.get_ids().iter().map(|&id| i64::from(id)).collect::<Vec<_>>());
    }
}
