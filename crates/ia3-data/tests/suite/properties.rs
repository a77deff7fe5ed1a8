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

/// The classes of models of SentencePiece, each with the name of its file and a model for it.
const MODELS: [(&str, &str, &str); 8] = [
    ("XLMRobertaTokenizer", "sentencepiece.bpe.model", "unigram.model"),
    ("CamembertTokenizer", "sentencepiece.bpe.model", "unigram.model"),
    ("DebertaV2Tokenizer", "spm.model", "deberta.model"),
    ("GemmaTokenizer", "tokenizer.model", "gemma.model"),
    ("PreTrainedTokenizerFast", "tokenizer.model", "mistral.model"),
    ("M2M100Tokenizer", "sentencepiece.bpe.model", "target.model"),
    ("M2M100Tokenizer", "sentencepiece.bpe.model", "pairs.model"),
    ("MarianTokenizer", "source.spm", "target.model"),
];

/// A folder with a model of which some bytes are others.
fn damaged(kind: usize, edits: &[(usize, u8)]) -> tempfile::TempDir {
    let (class, name, model) = MODELS[kind];
    let fixtures = tokenizer().with_file_name("../../fixtures/sentencepiece");
    let mut bytes = std::fs::read(fixtures.join(model)).unwrap();
    for (place, byte) in edits {
        let place = place % bytes.len();
        bytes[place] = *byte;
    }
    let dir = tempfile::tempdir().unwrap();
    for name in [name, "target.spm"] {
        std::fs::write(dir.path().join(name), &bytes).unwrap();
    }
    std::fs::copy(fixtures.join("m2m_100.json"), dir.path().join("vocab.json")).unwrap();
    let config = serde_json::json!({"tokenizer_class": class});
    std::fs::write(dir.path().join("tokenizer_config.json"), config.to_string()).unwrap();
    dir
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_models_are_tokenizers_or_errors(
        kind in 0..MODELS.len(),
        edits in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..3),
        text in "(\\PC|the | |<s>|>>|<<|\u{308}){0,20}",
    ) {
        let dir = damaged(kind, &edits);
        match Tokenizer::of_base(dir.path()) {
            Err(error) => prop_assert!(error.to_string().contains(dir.path().to_str().unwrap())),
            Ok(tokenizer) => {
                let ids = tokenizer.unwrap().encode(&text, None);
                prop_assert!(ids.is_ok() || !edits.is_empty());
            }
        }
    }
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
