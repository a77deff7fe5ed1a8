//! A model of SentencePiece with all of its settings, which transformers uses for a model without a class of its own.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::super::config::TokenizerConfig;
use super::pairs::{Bpe, too_much_work};
use crate::halves::halves;
use crate::sentence_piece::SentencePiece;
use crate::token_kind::TokenKind;
use crate::tokenizer_parts::{Parts, split};
use crate::unigram::{SPACE, metaspace, precompiled, replace, replace_text, sequence, unigram};

/// Names the special tokens of the model, where the files name none.
pub(super) fn complete(model: &SentencePiece, config: &mut TokenizerConfig) {
    for (name, token) in ["bos_token", "eos_token", "unk_token"].into_iter().zip(&model.named) {
        if let Some(token) = token {
            config.set_default(name, token);
        }
    }
    // Each part of a text between added tokens gets a space of its own.
    if model.spaces.added {
        config.find_added_first();
    }
}

/// The text of the `tokenizer.json`.
pub(super) fn json(model: &SentencePiece, config: &TokenizerConfig) -> Result<Value, String> {
    let legacy = config.flag("legacy", true);
    let (texts, model_json) = match model.is_unigram() {
        true => {
            let pieces: Vec<(String, f64)> = model.scored().collect();
            let texts = pieces.iter().map(|(text, _)| text.clone()).collect();
            (texts, unigram(model.unknown, &pieces, model.byte_fallback))
        }
        false => {
            let texts = texts(model, config);
            let bpe = pairs(model, &texts)?;
            (texts, bpe)
        }
    };
    let parts = Parts {
        normalizer: normalizer(model, legacy),
        pre_tokenizer: pre_tokenizer(model, &texts, legacy),
        decoder: decoder(model),
        model: model_json,
    };
    Ok(parts.json(vec![], Value::Null))
}

/// The texts of the pieces. An added token gives the piece of its id another text, unless a piece that keeps its own has it.
fn texts(model: &SentencePiece, config: &TokenizerConfig) -> Vec<String> {
    let name = |id: usize| u32::try_from(id).ok().and_then(|id| config.added.get(&id));
    let pieces = || model.pieces.iter().enumerate();
    let kept: HashSet<&str> =
        pieces().filter(|(id, _)| name(*id).is_none()).map(|(_, piece)| piece.text.as_str()).collect();
    let text = |(id, own): (usize, &str)| match name(id) {
        Some(token) if !kept.contains(token.content.as_str()) => token.content.clone(),
        _ => own.to_string(),
    };
    pieces().map(|(id, piece)| text((id, &piece.text))).collect()
}

/// The pairs of normal pieces, the one that makes the piece of the highest score first.
fn pairs(model: &SentencePiece, texts: &[String]) -> Result<Value, String> {
    model.check_pairs()?;
    let is_normal = |id: &usize| model.pieces[*id].kind == TokenKind::Normal;
    let normal: Vec<(usize, &str)> =
        (0..texts.len()).filter(is_normal).map(|id| (id, texts[id].as_str())).collect();
    let mut merges = halves(&normal).map_err(too_much_work)?;
    merges.sort_by(|a, b| {
        let score = |id: usize| model.pieces[id].score;
        score(b.whole).total_cmp(&score(a.whole)).then(a.whole.cmp(&b.whole)).then(a.parts.cmp(&b.parts))
    });
    let merges: Vec<[&str; 2]> = merges.into_iter().map(|halves| halves.parts).collect();
    let vocabulary: Map<String, Value> =
        (0_u64..).zip(texts).map(|(id, text)| (text.clone(), id.into())).collect();
    let bpe = Bpe {
        vocabulary,
        merges: &merges,
        unknown: model.named[2].as_deref(),
        byte_fallback: model.byte_fallback,
        whole_words: model.of_kind(TokenKind::UserDefined).next().is_some(),
    };
    Ok(bpe.json())
}

fn normalizer(model: &SentencePiece, legacy: bool) -> Value {
    let spaces = model.spaces;
    let mut all: Vec<Value> = vec![];
    all.extend((!model.map.is_empty()).then(|| precompiled(&model.map)));
    if spaces.collapsed {
        all.extend([replace(r"\A +| +\z", ""), replace(" {2,}", " ")]);
    }
    all.extend(spaces.escaped.then(|| replace_text(" ", SPACE)));
    if spaces.added && legacy {
        // The pre-tokenizer adds no space before a text that begins with the sign of one, SentencePiece does.
        all.push(replace(&format!(r"\A{SPACE}"), &SPACE.repeat(2)));
    }
    sequence(all)
}

/// The space before the text, and the pieces of the user, which are never merged with others.
fn pre_tokenizer(model: &SentencePiece, texts: &[String], legacy: bool) -> Value {
    let space = || metaspace(if legacy { "always" } else { "first" }, false);
    let of_user: HashMap<usize, &str> = (model.pieces.iter().zip(texts).enumerate())
        .filter(|(_, (piece, _))| piece.kind == TokenKind::UserDefined)
        .map(|(id, (_, text))| (id, text.as_str()))
        .collect();
    let mut words: Vec<(usize, &str)> = of_user.into_iter().collect();
    words.sort_by_key(|(id, word)| (std::cmp::Reverse(word.chars().count()), *id));
    let escaped: Vec<String> = words.iter().map(|(_, word)| escaped(word)).collect();
    let words = (!escaped.is_empty()).then(|| split(&escaped.join("|")));
    let all: Vec<Value> = model.spaces.added.then(space).into_iter().chain(words).collect();
    match all.is_empty() {
        true => Value::Null,
        false => json!({"type": "Sequence", "pretokenizers": all}),
    }
}

/// A regular expression that matches the text, as Python's `re.escape`.
fn escaped(text: &str) -> String {
    let escape = |c: char| match "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}".contains(c) {
        true => format!("\\{c}"),
        false => c.to_string(),
    };
    text.chars().map(escape).collect()
}

fn decoder(model: &SentencePiece) -> Value {
    let (bytes, prefix) = (model.byte_fallback, model.spaces.added);
    let mut all = vec![replace_text(SPACE, " ")];
    all.extend(bytes.then(|| json!({"type": "ByteFallback"})));
    all.extend((bytes || prefix).then(|| json!({"type": "Fuse"})));
    all.extend(prefix.then(|| json!({"type": "Strip", "content": " ", "start": 1, "stop": 0})));
    json!({"type": "Sequence", "decoders": all})
}
