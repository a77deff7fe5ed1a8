//! SentencePiece's BPE: pairs of pieces that make a piece are merged.

use serde_json::{Map, Value, json};

use super::model::SentencePiece;
use crate::halves::{MAX_WORK, halves};
use crate::tokenizer_parts::Parts;

/// The text of the `tokenizer.json` of Llama's class. How it treats spaces depends on fields of other files.
pub(super) fn llama(model: &SentencePiece) -> Result<Value, String> {
    let vocabulary =
        (0..).zip(&model.pieces).map(|(id, piece)| (piece.text.clone(), Value::from(id))).collect();
    let model = bpe(vocabulary, &merges(model)?, None);
    let parts = Parts { normalizer: Value::Null, pre_tokenizer: Value::Null, decoder: Value::Null, model };
    Ok(parts.json(vec![], Value::Null))
}

/// A model of these tokens. Without an unknown token, bytes stand for what has no token.
pub(super) fn bpe(vocabulary: Map<String, Value>, merges: &[[&str; 2]], unknown: Option<&str>) -> Value {
    json!({
        "type": "BPE",
        "dropout": null,
        "unk_token": unknown,
        "continuing_subword_prefix": null,
        "end_of_word_suffix": null,
        "fuse_unk": true,
        "byte_fallback": unknown.is_none(),
        "ignore_merges": false,
        "vocab": vocabulary,
        "merges": merges,
    })
}

/// The pairs in the order in which they are merged: the one that makes the piece with the smallest id first, then the one with the
/// shortest first part. It is the order of transformers 5, which does not look at the scores.
///
/// # Errors
///
/// A text that says what is wrong with the model.
pub(super) fn merges(model: &SentencePiece) -> Result<Vec<[&str; 2]>, String> {
    model.check_pairs()?;
    let pieces: Vec<(usize, &str)> =
        model.pieces.iter().enumerate().map(|(id, piece)| (id, piece.text.as_str())).collect();
    let mut merges = halves(&pieces).map_err(|work| {
        format!("it has pieces of {work} bytes squared in all, more than the limit of {MAX_WORK}")
    })?;
    merges.sort_by_key(|halves| (halves.whole, halves.lengths()));
    Ok(merges.into_iter().map(|halves| halves.parts).collect())
}
