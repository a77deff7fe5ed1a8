//! `vocab.txt`: BERT's WordPiece.

use serde_json::{Map, Value, json};

use super::config::TokenizerConfig;
use super::flags::set_letters;
use crate::tokenizer_parts::Parts;

/// The text of the `tokenizer.json`; `lines` are the tokens, whose places are their ids.
pub(super) fn json(lines: &str, unknown: &str, config: &TokenizerConfig) -> Value {
    let token = |(id, line): (usize, &str)| (line.trim_end().to_string(), Value::from(id));
    let vocab: Map<String, Value> = lines.lines().enumerate().map(token).collect();
    let mut normalizer = json!({"type": "BertNormalizer", "clean_text": true});
    set_letters(&mut normalizer, config);
    let model = json!({
        "type": "WordPiece",
        "unk_token": unknown,
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": vocab,
    });
    let decoder = json!({"type": "WordPiece", "prefix": "##", "cleanup": true});
    let pre_tokenizer = json!({"type": "BertPreTokenizer"});
    Parts { normalizer, pre_tokenizer, decoder, model }.json(vec![], Value::Null)
}
