//! SentencePiece: pairs merged by score (BPE), which llama.cpp calls `llama`, and unigram, which it calls `t5`.

use ia3_gguf::{GgufError, GgufFile};
use serde_json::{Value, json};

use super::merges::by_score;
use super::vocabulary::{Vocabulary, same_length};
use super::{bad, finished};
use crate::token_kind::TokenKind;
use crate::tokenizer_parts::Parts;
use crate::unigram::{SPACE, Unigram, Whitespace};

const SCORES: &str = "tokenizer.ggml.scores";
const MAP: &str = "tokenizer.ggml.precompiled_charsmap";

/// SentencePiece's BPE.
pub(super) fn pairs(file: &GgufFile, vocabulary: &Vocabulary) -> Result<Value, GgufError> {
    let prefix = flag(file, "add_space_prefix", true)?;
    let unknown = unknown_token(file, vocabulary)?.1;
    let model = json!({
        "type": "BPE",
        "dropout": null,
        "unk_token": unknown,
        "continuing_subword_prefix": null,
        "end_of_word_suffix": null,
        "fuse_unk": true,
        "byte_fallback": vocabulary.of(TokenKind::Byte).next().is_some(),
        "ignore_merges": false,
        "vocab": vocabulary.map(),
        "merges": by_score(file, vocabulary, &scores(file, vocabulary)?)?,
    });
    let replace =
        |from: &str, to: &str| json!({"type": "Replace", "pattern": {"String": from}, "content": to});
    let prepend = prefix.then(|| json!({"type": "Prepend", "prepend": SPACE}));
    let normalizers: Vec<Value> = prepend.into_iter().chain([replace(" ", SPACE)]).collect();
    let strip = prefix.then(|| json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    let decoders = [replace(SPACE, " "), json!({"type": "ByteFallback"}), json!({"type": "Fuse"})];
    let parts = Parts {
        normalizer: json!({"type": "Sequence", "normalizers": normalizers}),
        pre_tokenizer: Value::Null,
        decoder: json!({"type": "Sequence", "decoders": decoders.into_iter().chain(strip).collect::<Vec<_>>()}),
        model,
    };
    finished(parts, file, vocabulary, true, false)
}

/// SentencePiece's unigram.
pub(super) fn unigram(file: &GgufFile, vocabulary: &Vocabulary) -> Result<Value, GgufError> {
    let (unknown, _) = unknown_token(file, vocabulary)?;
    let map = file.byte_array(MAP)?.filter(|map| !map.is_empty());
    // The map makes every kind of space a plain one. Without it, other spaces are no separators.
    let whitespace = match (flag(file, "remove_extra_whitespaces", false)?, &map) {
        (false, _) => Whitespace::Kept,
        (true, None) => Whitespace::Collapsed,
        (true, Some(_)) => Whitespace::Split,
    };
    let unigram = Unigram {
        unknown,
        pieces: pieces(vocabulary, &scores(file, vocabulary)?),
        byte_fallback: vocabulary.of(TokenKind::Byte).next().is_some(),
        map,
        prefix: flag(file, "add_space_prefix", true)?,
        whitespace,
    };
    finished(unigram.parts(), file, vocabulary, false, true)
}

/// The pieces with their scores. Those that are not used keep their place under a text that no piece of a text has, because a
/// space never comes there; without a use at the end, they are left out.
fn pieces(vocabulary: &Vocabulary, scores: &[f32]) -> Vec<(String, f64)> {
    let used = vocabulary.used().last().map_or(0, |(id, _)| id + 1);
    let piece = |id: usize| match (vocabulary.kinds.get(id), vocabulary.tokens.get(id), scores.get(id)) {
        (Some(TokenKind::Unused), _, _) | (_, None, _) | (_, _, None) => (format!("unused {id}"), 0.0),
        (_, Some(token), Some(score)) => (token.clone(), f64::from(*score)),
    };
    (0..used).map(piece).collect()
}

fn scores(file: &GgufFile, vocabulary: &Vocabulary) -> Result<Vec<f32>, GgufError> {
    let scores = file.floats(SCORES)?.ok_or_else(|| file.metadata().no_key(SCORES))?;
    same_length(file, SCORES, scores.len(), vocabulary.tokens.len())?;
    match scores.iter().position(|score| !score.is_finite()) {
        None => Ok(scores),
        Some(at) => Err(bad(file, SCORES, format!("holds {} at {at}; scores must be finite", scores[at]))),
    }
}

/// The token for what has no other: the one that the file names, or the first of its kind.
fn unknown_token<'a>(file: &GgufFile, vocabulary: &'a Vocabulary) -> Result<(usize, &'a str), GgufError> {
    match vocabulary.of(TokenKind::Unknown).next() {
        Some(token) if file.metadata().get("tokenizer.ggml.unknown_token_id").is_none() => Ok(token),
        _ => vocabulary.special(file, "unknown"),
    }
}

fn flag(file: &GgufFile, name: &str, default: bool) -> Result<bool, GgufError> {
    Ok(file.metadata().flag(&format!("tokenizer.ggml.{name}"))?.unwrap_or(default))
}
