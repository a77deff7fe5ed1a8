//! The model in a file of SentencePiece, as `sentencepiece_model.proto` describes it.

use super::message::{Field, Message};
use crate::token_kind::TokenKind;

/// A piece of text with the logarithm of its probability.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) score: f32,
    pub(crate) kind: TokenKind,
}

/// A model of SentencePiece.
#[derive(Clone, Debug)]
pub(crate) struct SentencePiece {
    /// The pieces, whose places are their ids. There is at least one.
    pub(crate) pieces: Vec<Piece>,
    /// The place of the piece for what has no other.
    pub(crate) unknown: usize,
    /// Whether bytes stand for what has no piece.
    pub(crate) byte_fallback: bool,
    /// The texts of the pieces for the beginning, for the end and for what is unknown; `None` for one that the model does not use.
    pub(crate) named: [Option<String>; 3],
    /// The map of characters; empty if characters stay as they are.
    pub(crate) map: Vec<u8>,
    /// What happens to the spaces of a text.
    pub(crate) spaces: Spaces,
    /// 1 for unigram.
    model_type: u64,
}

/// What a model does to the spaces of a text before it finds pieces in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spaces {
    /// Whether a space is added, before the text or behind it.
    pub(crate) added: bool,
    /// Whether the space is added behind the text.
    pub(crate) behind: bool,
    /// Whether several spaces become one, and those at the ends none.
    pub(crate) collapsed: bool,
    /// Whether `▁` stands for a space.
    pub(crate) escaped: bool,
}

impl SentencePiece {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// A text that says what is wrong with the file.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        // The defaults of the format.
        let mut model = Self {
            pieces: vec![],
            unknown: 0,
            byte_fallback: false,
            named: ["<s>", "</s>", "<unk>"].map(|text| Some(text.to_string())),
            map: vec![],
            spaces: Spaces { added: true, behind: false, collapsed: true, escaped: true },
            model_type: 1,
        };
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
        // A negative id says that there is no such piece.
        let is_used = |id: u64| i64::try_from(id).is_ok();
        let mut used = [true; 3];
        for field in Message::new(message) {
            match field? {
                (3, Field::Integer(kind)) => self.model_type = kind,
                (24, Field::Integer(flag)) => self.spaces.behind = flag != 0,
                (35, Field::Integer(flag)) => self.byte_fallback = flag != 0,
                (40, Field::Integer(id)) => {
                    self.unknown = usize::try_from(id).unwrap_or(usize::MAX);
                    used[2] = is_used(id);
                }
                (41, Field::Integer(id)) => used[0] = is_used(id),
                (42, Field::Integer(id)) => used[1] = is_used(id),
                (45, Field::Bytes(text)) => self.named[2] = Some(utf8(text)?),
                (46, Field::Bytes(text)) => self.named[0] = Some(utf8(text)?),
                (47, Field::Bytes(text)) => self.named[1] = Some(utf8(text)?),
                _ => {}
            }
        }
        for (text, _) in self.named.iter_mut().zip(used).filter(|(_, used)| !used) {
            *text = None;
        }
        Ok(())
    }

    fn read_normalizer(&mut self, message: &[u8]) -> Result<(), String> {
        for field in Message::new(message) {
            match field? {
                (2, Field::Bytes(map)) => self.map = map.to_vec(),
                (3, Field::Integer(flag)) => self.spaces.added = flag != 0,
                (4, Field::Integer(flag)) => self.spaces.collapsed = flag != 0,
                (5, Field::Integer(flag)) => self.spaces.escaped = flag != 0,
                _ => {}
            }
        }
        Ok(())
    }

    /// The pieces of a kind.
    pub(crate) fn of_kind(&self, kind: TokenKind) -> impl Iterator<Item = &Piece> {
        self.pieces.iter().filter(move |piece| piece.kind == kind)
    }

    /// The texts of all pieces with their scores.
    pub(crate) fn scored(&self) -> impl Iterator<Item = (String, f64)> {
        self.pieces.iter().map(|piece| (piece.text.clone(), f64::from(piece.score)))
    }

    /// Whether it is a unigram model.
    pub(crate) fn is_unigram(&self) -> bool {
        self.model_type == 1
    }

    /// Refuses a model that is no unigram model.
    pub(crate) fn check_unigram(&self) -> Result<(), String> {
        self.check(1)
    }

    /// Refuses a model that does not merge pairs.
    pub(crate) fn check_pairs(&self) -> Result<(), String> {
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

fn utf8(bytes: &[u8]) -> Result<String, String> {
    std::str::from_utf8(bytes).map(str::to_string).map_err(|error| error.to_string())
}

fn kind_of(number: u64) -> Result<TokenKind, String> {
    let kind = i64::try_from(number).ok().and_then(TokenKind::of);
    kind.ok_or_else(|| format!("its kind is {number}, expected 1 to 6"))
}
