//! SentencePiece's BPE: pairs of pieces that make a piece are merged.

use serde_json::{Map, Value, json};

use crate::halves::{MAX_WORK, halves};
use crate::sentence_piece::SentencePiece;
use crate::tokenizer_parts::Parts;
use crate::unigram::{SPACE, replace_text};

/// The text of the `tokenizer.json` of Llama's class. How it treats spaces depends on fields of other files.
pub(super) fn llama(model: &SentencePiece) -> Result<Value, String> {
    let bpe = Bpe {
        vocabulary: vocabulary(model),
        merges: &merges(model)?,
        unknown: None,
        byte_fallback: true,
        whole_words: false,
    };
    let parts = Parts {
        normalizer: Value::Null,
        pre_tokenizer: Value::Null,
        decoder: Value::Null,
        model: bpe.json(),
    };
    Ok(parts.json(vec![], Value::Null))
}

/// The text of the `tokenizer.json` of Gemma's class, which adds no space.
pub(super) fn gemma(model: &SentencePiece, unknown: &str) -> Result<Value, String> {
    let bpe = Bpe {
        vocabulary: vocabulary(model),
        merges: &merges(model)?,
        unknown: Some(unknown),
        byte_fallback: true,
        whole_words: false,
    };
    let decoders = [replace_text(SPACE, " "), json!({"type": "ByteFallback"}), json!({"type": "Fuse"})];
    let parts = Parts {
        normalizer: replace_text(" ", SPACE),
        pre_tokenizer: json!({
            "type": "Split",
            "pattern": {"String": " "},
            "behavior": "MergedWithPrevious",
            "invert": false,
        }),
        decoder: json!({"type": "Sequence", "decoders": decoders}),
        model: bpe.json(),
    };
    Ok(parts.json(vec![], Value::Null))
}

fn vocabulary(model: &SentencePiece) -> Map<String, Value> {
    (0_u64..).zip(&model.pieces).map(|(id, piece)| (piece.text.clone(), Value::from(id))).collect()
}

/// A model that merges pairs.
pub(super) struct Bpe<'a> {
    pub(super) vocabulary: Map<String, Value>,
    pub(super) merges: &'a [[&'a str; 2]],
    pub(super) unknown: Option<&'a str>,
    /// Whether bytes stand for what has no token.
    pub(super) byte_fallback: bool,
    /// Whether a word that is a token is not made of pairs.
    pub(super) whole_words: bool,
}

impl Bpe<'_> {
    pub(super) fn json(self) -> Value {
        json!({
            "type": "BPE",
            "dropout": null,
            "unk_token": self.unknown,
            "continuing_subword_prefix": null,
            "end_of_word_suffix": null,
            "fuse_unk": true,
            "byte_fallback": self.byte_fallback,
            "ignore_merges": self.whole_words,
            "vocab": self.vocabulary,
            "merges": self.merges,
        })
    }
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
    let mut merges = halves(&pieces).map_err(too_much_work)?;
    merges.sort_by_key(|halves| (halves.whole, halves.lengths()));
    Ok(merges.into_iter().map(|halves| halves.parts).collect())
}

/// The error for pieces that are too long to look up all their parts.
pub(super) fn too_much_work(work: usize) -> String {
    format!("it has pieces of {work} bytes squared in all, more than the limit of {MAX_WORK}")
}
