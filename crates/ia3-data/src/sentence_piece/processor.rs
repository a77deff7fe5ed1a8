//! From texts to pieces and back, as the package `sentencepiece` does it.

use std::collections::HashMap;
use std::ops::Range;

use super::best_path::BestPath;
use super::merging::Merging;
use super::model::SentencePiece;
use super::normalizer::Normalizer;
use crate::token_kind::TokenKind;
use crate::unigram::SPACE;

/// What stands in a text for the piece of what is unknown.
const UNKNOWN_SURFACE: &str = " \u{2047} ";

/// A model that finds pieces in texts.
#[derive(Clone, Debug)]
pub(crate) struct Processor {
    normalizer: Normalizer,
    finder: Finder,
    byte_fallback: bool,
    /// The texts of the pieces, whose places are their ids.
    pieces: Vec<String>,
    kinds: HashMap<String, TokenKind>,
    /// Whether a decoded text loses one space at its beginning, or all of them.
    loses_space: bool,
    loses_spaces: bool,
}

#[derive(Clone, Debug)]
enum Finder {
    BestPath(BestPath),
    Merging(Merging),
}

/// A piece, and the part of the text that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) piece: String,
    pub(crate) range: Range<usize>,
}

impl Processor {
    /// # Errors
    ///
    /// A text that says what is wrong with the model.
    pub(crate) fn new(model: &SentencePiece) -> Result<Self, String> {
        let finder = match model.is_unigram() {
            true => Finder::BestPath(BestPath::new(model)),
            false => {
                model.check_pairs()?;
                Finder::Merging(Merging::new(model)?)
            }
        };
        Ok(Self {
            normalizer: Normalizer::new(model)?,
            finder,
            byte_fallback: model.byte_fallback,
            pieces: model.pieces.iter().map(|piece| piece.text.clone()).collect(),
            kinds: model.pieces.iter().map(|piece| (piece.text.clone(), piece.kind)).collect(),
            loses_space: model.spaces.added || model.spaces.collapsed,
            loses_spaces: model.spaces.collapsed,
        })
    }

    /// The piece of an id.
    pub(crate) fn piece(&self, id: usize) -> Option<&str> {
        self.pieces.get(id).map(String::as_str)
    }

    /// The pieces of a text. What is unknown is as in the text, and neighbours of it are one piece.
    pub(crate) fn pieces(&self, text: &str) -> Vec<Found> {
        let normalized = self.normalizer.normalize(text);
        let ends = match &self.finder {
            Finder::BestPath(best) => best.pieces(&normalized.text),
            Finder::Merging(merging) => merging.pieces(&normalized.text),
        };
        let (mut found, mut start, mut after_unknown) = (Vec::<Found>::new(), 0, false);
        for (end, id) in ends {
            let piece = &normalized.text[start..end];
            let range = normalized.places[start]..normalized.places[end];
            match found.last_mut().filter(|_| after_unknown && id.is_none()) {
                _ if id.is_none() && self.byte_fallback => found.extend(bytes(piece, &range)),
                Some(before) => {
                    before.piece.push_str(piece);
                    before.range.end = range.end;
                }
                None => found.push(Found { piece: piece.to_string(), range }),
            }
            (start, after_unknown) = (end, id.is_none());
        }
        found
    }

    /// The text of pieces.
    pub(crate) fn text<'a>(&self, pieces: impl IntoIterator<Item = &'a str>) -> String {
        let (mut text, mut bytes, mut at_start, mut lost) = (String::new(), vec![], true, false);
        for piece in pieces {
            let kind = self.kinds.get(piece).copied();
            if let Some(byte) = byte_of(piece).filter(|_| kind == Some(TokenKind::Byte)) {
                bytes.push(byte);
                continue;
            }
            text.push_str(&text_of_bytes(&std::mem::take(&mut bytes)));
            at_start &= !lost && text.is_empty();
            match kind {
                None => text.push_str(piece),
                Some(TokenKind::Control) => {}
                Some(TokenKind::Unknown) => text.push_str(UNKNOWN_SURFACE),
                Some(_) => {
                    let rest = piece.strip_prefix(SPACE).filter(|_| at_start && self.loses_space);
                    lost = rest.is_some() && !self.loses_spaces;
                    text.push_str(&rest.unwrap_or(piece).replace(SPACE, " "));
                }
            }
        }
        text + &text_of_bytes(&bytes)
    }
}

/// The pieces of the bytes of what is unknown.
fn bytes(piece: &str, range: &Range<usize>) -> Vec<Found> {
    let found = |byte: u8| Found { piece: format!("<0x{byte:02X}>"), range: range.clone() };
    piece.bytes().map(found).collect()
}

fn byte_of(piece: &str) -> Option<u8> {
    u8::from_str_radix(piece.strip_prefix("<0x")?.strip_suffix('>')?, 16).ok()
}

/// The text of bytes; each byte that is no UTF-8 is the sign for what cannot be shown.
fn text_of_bytes(bytes: &[u8]) -> String {
    let sign = char::REPLACEMENT_CHARACTER.to_string();
    bytes
        .utf8_chunks()
        .map(|chunk| format!("{}{}", chunk.valid(), sign.repeat(chunk.invalid().len())))
        .collect()
}
