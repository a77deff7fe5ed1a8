//! From ids to texts.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::sentence_piece::Processor;
use crate::unigram::SPACE;

/// How ids become a text.
#[derive(Clone, Debug)]
pub(crate) struct Decoding {
    pub(crate) processor: Arc<Processor>,
    /// The texts of the ids.
    pub(crate) tokens: HashMap<u32, String>,
    /// The ids that are left out.
    pub(crate) special: HashSet<u32>,
    /// The texts that are no pieces, also where another id has one of them.
    pub(crate) special_texts: HashSet<String>,
    /// What an id without a text stands for: this text, or the piece that has this id in the model.
    pub(crate) missing: Option<String>,
    /// What comes behind a special text.
    pub(crate) after_special: &'static str,
    /// Whether the sign of a space is a space in pieces that the model does not have, too.
    pub(crate) replaces_space: bool,
}

impl Decoding {
    /// The text of ids, without special tokens.
    pub(crate) fn text(&self, ids: &[u32]) -> String {
        let (mut out, mut pieces) = (String::new(), vec![]);
        for token in ids.iter().filter(|id| !self.special.contains(id)).filter_map(|id| self.token(*id)) {
            match self.special_texts.contains(token) {
                true => {
                    out += &self.processor.text(pieces.drain(..));
                    out.extend([token, self.after_special]);
                }
                false => pieces.push(token),
            }
        }
        out += &self.processor.text(pieces);
        if self.replaces_space {
            out = out.replace(SPACE, " ");
        }
        out.trim_matches(is_space).to_string()
    }

    fn token(&self, id: u32) -> Option<&str> {
        let known = self.tokens.get(&id).or(self.missing.as_ref());
        known.map(String::as_str).or_else(|| self.processor.piece(id as usize))
    }

    /// What is new in the text of ids after the first `written` bytes, as soon as further ids cannot change it.
    pub(crate) fn rest(&self, ids: &[u32], written: &mut usize) -> Option<String> {
        let text = self.text(ids);
        // The bytes of a character may come in several ids.
        let rest = text.get(*written..).filter(|rest| !rest.is_empty() && !rest.ends_with('\u{fffd}'))?;
        *written = text.len();
        Some(rest.to_string())
    }
}

/// Whether Python's `str.strip` takes the character away.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}
