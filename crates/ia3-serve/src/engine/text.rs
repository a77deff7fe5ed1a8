//! The text of tokens that come one by one.

use ia3::data::{DataError, Tokenizer};

/// What a tokenizer writes for a token that is a part of a character.
const UNFINISHED: char = '\u{FFFD}';

/// The text of an answer so far. It ends where one of the stop texts comes up.
#[derive(Debug)]
pub(crate) struct AnswerText {
    stop: Vec<String>,
    /// The tokens whose text may still change, after some that the text before them depends on.
    ids: Vec<i64>,
    /// The number of those before.
    written: usize,
    /// Text that is certain, but may be the start of a stop text.
    held: String,
    pub(crate) stopped: bool,
}

impl AnswerText {
    pub(crate) fn new(stop: Vec<String>) -> Self {
        Self { stop, ids: vec![], written: 0, held: String::new(), stopped: false }
    }

    /// Adds a token, and returns the text that is certain now.
    pub(crate) fn push(&mut self, id: i64, tokenizer: &Tokenizer) -> Result<String, DataError> {
        self.ids.push(id);
        let before = tokenizer.decode(&self.ids[..self.written])?;
        let all = tokenizer.decode(&self.ids)?;
        match all.strip_prefix(before.as_str()) {
            Some(new) if !new.is_empty() && !all.ends_with(UNFINISHED) => self.held.push_str(new),
            _ => return Ok(String::new()),
        }
        self.ids.drain(..self.written);
        self.written = self.ids.len();
        Ok(self.certain())
    }

    /// The rest of the text, when no token follows.
    pub(crate) fn finish(&mut self, tokenizer: &Tokenizer) -> Result<String, DataError> {
        let before = tokenizer.decode(&self.ids[..self.written])?;
        let all = tokenizer.decode(&self.ids)?;
        self.held.push_str(all.strip_prefix(before.as_str()).unwrap_or_default());
        let certain = self.certain();
        Ok(if self.stopped { certain } else { certain + &std::mem::take(&mut self.held) })
    }

    /// Takes what cannot be a part of a stop text, up to the first stop text.
    fn certain(&mut self) -> String {
        let first = self.stop.iter().filter_map(|stop| self.held.find(stop.as_str())).min();
        if let Some(at) = first {
            self.stopped = true;
            self.held.truncate(at);
            return std::mem::take(&mut self.held);
        }
        let may_begin = |at: &usize| self.stop.iter().any(|stop| stop.starts_with(&self.held[*at..]));
        let ends = self.held.char_indices().map(|(at, _)| at).find(may_begin).unwrap_or(self.held.len());
        let rest = self.held.split_off(ends);
        std::mem::replace(&mut self.held, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(stop: &[&str], pieces: &[&str]) -> (Vec<String>, bool, String) {
        let mut text = AnswerText::new(stop.iter().map(|stop| stop.to_string()).collect());
        let mut written = vec![];
        for piece in pieces {
            text.held.push_str(piece);
            written.push(text.certain());
            if text.stopped {
                break;
            }
        }
        (written, text.stopped, text.held)
    }

    #[test]
    fn what_may_begin_a_stop_text_is_held_back() {
        assert_eq!(
            of(&["Stop"], &["a S", "t", "x"]),
            (vec!["a ".into(), "".into(), "Stx".into()], false, "".into())
        );
        assert_eq!(of(&["Stop"], &["a St", "op b"]), (vec!["a ".into(), "".into()], true, "".into()));
        assert_eq!(of(&["bc", "b"], &["abc"]), (vec!["a".into()], true, "".into()), "the first one counts");
        assert_eq!(of(&["ü!"], &["ü", "ü", "!"]), (vec!["".into(), "ü".into(), "".into()], true, "".into()));
        assert_eq!(of(&[], &["E"]), (vec!["E".into()], false, "".into()));
    }
}
