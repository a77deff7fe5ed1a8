//! What a model does to a text before it finds pieces in it.

use super::char_map::CharMap;
use super::model::{SentencePiece, Spaces};
use super::words::Words;
use crate::token_kind::TokenKind;
use crate::unigram::SPACE;

/// Prepares texts.
#[derive(Clone, Debug)]
pub(super) struct Normalizer {
    map: Option<CharMap>,
    /// The pieces of the user, which stay as they are.
    kept: Words,
    spaces: Spaces,
}

/// A prepared text.
#[derive(Debug, Default)]
pub(super) struct Normalized {
    pub(super) text: String,
    /// For each byte of the text its place in the text before, and the end of that text.
    pub(super) places: Vec<usize>,
}

impl Normalized {
    fn push(&mut self, text: &str, place: usize) {
        self.text.push_str(text);
        self.places.resize(self.text.len(), place);
    }
}

impl Normalizer {
    pub(super) fn new(model: &SentencePiece) -> Result<Self, String> {
        let map = (!model.map.is_empty()).then(|| CharMap::read(&model.map)).transpose()?;
        let kept =
            Words::new(model.of_kind(TokenKind::UserDefined).map(|piece| piece.text.as_str()).zip(0..));
        Ok(Self { map, kept, spaces: model.spaces })
    }

    pub(super) fn normalize(&self, text: &str) -> Normalized {
        let mut out = Normalized::default();
        let Spaces { added, behind, collapsed, .. } = self.spaces;
        let mut at = if collapsed { self.first_word(text) } else { 0 };
        if at == text.len() {
            return out;
        }
        if added && !behind {
            out.push(self.space(), at);
        }
        let mut after_space = collapsed;
        while at < text.len() {
            let (len, mut part) = self.part(&text[at..]);
            if after_space {
                part = part.trim_start_matches(' ');
            }
            for (before, c) in part.char_indices() {
                let c = &part[before..before + c.len_utf8()];
                out.push(if c == " " { self.space() } else { c }, at);
            }
            if !part.is_empty() {
                after_space = part.ends_with(' ');
            }
            after_space &= collapsed;
            at += len;
        }
        self.finish(&mut out, text.len());
        out
    }

    /// Removes the spaces at the end, or adds one.
    fn finish(&self, out: &mut Normalized, end: usize) {
        let mut end = end;
        while self.spaces.collapsed && out.text.ends_with(self.space()) {
            out.text.truncate(out.text.len() - self.space().len());
            end = out.places[out.text.len()];
            out.places.truncate(out.text.len());
        }
        if self.spaces.added && self.spaces.behind {
            out.push(self.space(), end);
        }
        out.places.push(end);
    }

    /// Where the first part of a text is that does not become a space.
    fn first_word(&self, text: &str) -> usize {
        let mut at = 0;
        while at < text.len() {
            match self.part(&text[at..]) {
                (len, " ") => at += len,
                _ => break,
            }
        }
        at
    }

    /// The length of the part with which a text begins, and what stands for it.
    fn part<'a>(&'a self, text: &'a str) -> (usize, &'a str) {
        let bytes = text.as_bytes();
        if let Some(len) = self.kept.longest(bytes) {
            return (len, &text[..len]);
        }
        let one = text.chars().next().map_or(0, char::len_utf8);
        let mapped = self.map.as_ref().and_then(|map| map.longest(bytes));
        // A damaged map may end a part within a character.
        mapped.filter(|(len, _)| text.is_char_boundary(*len)).unwrap_or((one, &text[..one]))
    }

    fn space(&self) -> &'static str {
        if self.spaces.escaped { SPACE } else { " " }
    }
}
