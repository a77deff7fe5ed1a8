//! The model in a file of SentencePiece, as `sentencepiece_model.proto` describes it.

use super::message::{Field, Message};
use crate::token_kind::TokenKind;

/// A piece of text with the logarithm of its probability.
#[derive(Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) score: f32,
    pub(super) kind: TokenKind,
}

/// A model of SentencePiece.
#[derive(Debug)]
pub(crate) struct SentencePiece {
    /// The pieces, whose places are their ids. There is at least one.
    pub(super) pieces: Vec<Piece>,
    /// The place of the piece for what has no other.
    pub(super) unknown: usize,
    /// The map of characters; empty if characters stay as they are.
    pub(super) map: Vec<u8>,
    /// 1 for unigram.
    model_type: u64,
}

impl SentencePiece {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// A text that says what is wrong with the file.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        // The defaults of the format.
        let mut model = Self { pieces: vec![], unknown: 0, map: vec![], model_type: 1 };
        for field in Message::new(bytes) {
            match field? {
                (1, Field::Bytes(piece)) => {
                    let read = Piece::read(piece);
                    model
                        .pieces
                        .push(read.map_err(|reason| format!("piece {}: {reason}", model.pieces.len()))?);
                }
                (2, Field::Bytes(trainer)) => model.read_trainer(trainer)?,
                (3, Field::Bytes(normalizer)) => model.read_normalizer(normalizer)?,
                (1..=3, _) => return Err("it is no model of SentencePiece".into()),
                _ => {}
            }
        }
        match model.pieces.get(model.unknown) {
            Some(piece) if piece.kind == TokenKind::Unknown => Ok(model),
            None if model.pieces.is_empty() => {
                Err("it is no model of SentencePiece: it has no pieces".into())
            }
            _ => Err(format!("its unknown piece is {}, which is no piece of that kind", model.unknown)),
        }
    }

    fn read_trainer(&mut self, message: &[u8]) -> Result<(), String> {
        for field in Message::new(message) {
            match field? {
                (3, Field::Integer(kind)) => self.model_type = kind,
                (40, Field::Integer(id)) => self.unknown = usize::try_from(id).unwrap_or(usize::MAX),
                _ => {}
            }
        }
        Ok(())
    }

    fn read_normalizer(&mut self, message: &[u8]) -> Result<(), String> {
        for field in Message::new(message) {
            if let (2, Field::Bytes(map)) = field? {
                self.map = map.to_vec();
            }
        }
        Ok(())
    }

    /// Refuses a model that is no unigram model.
    pub(super) fn check_unigram(&self) -> Result<(), String> {
        self.check(1)
    }

    /// Refuses a model that does not merge pairs.
    pub(super) fn check_pairs(&self) -> Result<(), String> {
        self.check(2)
    }

    fn check(&self, expected: u64) -> Result<(), String> {
        let name = |kind| match kind {
            1 => "unigrams",
            2 => "BPE",
            3 => "words",
            4 => "characters",
            _ => "a kind that is not known",
        };
        match self.model_type == expected {
            true => Ok(()),
            false => {
                Err(format!("it is a model of {}, expected one of {}", name(self.model_type), name(expected)))
            }
        }
    }
}

impl Piece {
    fn read(message: &[u8]) -> Result<Self, String> {
        let (mut text, mut score, mut kind) = (None, 0.0, TokenKind::Normal);
        for field in Message::new(message) {
            match field? {
                (1, Field::Bytes(bytes)) => {
                    text = Some(std::str::from_utf8(bytes).map_err(|error| error.to_string())?);
                }
                (2, Field::Four(bytes)) => score = f32::from_le_bytes(bytes),
                (3, Field::Integer(number)) => kind = kind_of(number)?,
                (1..=3, _) => return Err("it is no model of SentencePiece".into()),
                _ => {}
            }
        }
        match text.filter(|text| !text.is_empty()) {
            Some(_) if !score.is_finite() => Err(format!("its score is {score}")),
            Some(text) => Ok(Self { text: text.to_string(), score, kind }),
            None => Err("it has no text".into()),
        }
    }
}

fn kind_of(number: u64) -> Result<TokenKind, String> {
    let kind = i64::try_from(number).ok().and_then(TokenKind::of);
    kind.ok_or_else(|| format!("its kind is {number}, expected 1 to 6"))
}
