//! `spm.model` of DeBERTa's second and third version: a unigram model, whose map of characters is not used.

use serde_json::{Value, json};

use super::super::config::TokenizerConfig;
use crate::sentence_piece::SentencePiece;
use crate::tokenizer_parts::Parts;
use crate::unigram::{metaspace, replace, sequence, unigram};

/// The text of the `tokenizer.json`.
pub(super) fn json(model: SentencePiece, unknown: &str, config: &TokenizerConfig) -> Result<Value, String> {
    model.check_unigram()?;
    let pieces: Vec<(String, f64)> = model.scored().collect();
    let is_unknown = |(text, score): &(String, f64)| text == unknown && *score == 0.0;
    let unknown = pieces.iter().position(is_unknown).unwrap_or(model.unknown);
    let space = metaspace(if config.flag("add_prefix_space", true) { "always" } else { "first" }, true);
    let parts = Parts {
        normalizer: normalizer(config.flag("do_lower_case", false)),
        pre_tokenizer: pre_tokenizer(config.flag("split_by_punct", false), space.clone()),
        decoder: space,
        model: unigram(unknown, &pieces, false),
    };
    Ok(parts.json(vec![], Value::Null))
}

fn normalizer(lower_case: bool) -> Value {
    let lower = lower_case.then(|| json!({"type": "Lowercase"}));
    let rest = [
        replace(r"\s{2,}|[\n\r\t]", " "),
        json!({"type": "NFC"}),
        json!({"type": "Strip", "strip_left": false, "strip_right": true}),
    ];
    sequence(lower.into_iter().chain(rest).collect())
}

fn pre_tokenizer(split_marks: bool, space: Value) -> Value {
    let marks = split_marks.then(|| json!({"type": "Punctuation", "behavior": "Isolated"}));
    json!({"type": "Sequence", "pretokenizers": marks.into_iter().chain([space]).collect::<Vec<_>>()})
}
