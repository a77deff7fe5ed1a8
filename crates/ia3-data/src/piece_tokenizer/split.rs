//! The parts of a text between the tokens that are found before anything else.

use std::ops::Range;

use tokenizers::AddedToken;

use crate::sentence_piece::Words;

/// A token that is found in a text, with its id.
#[derive(Clone, Debug)]
pub(crate) struct Added {
    pub(crate) token: AddedToken,
    pub(crate) id: u32,
}

/// Finds tokens in texts.
#[derive(Clone, Debug)]
pub(crate) struct Splitter {
    tokens: Vec<Added>,
    words: Words,
}

/// A part of a text: a token with its id, or text between tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) range: Range<usize>,
    pub(super) added: Option<u32>,
}

impl Splitter {
    pub(crate) fn new(tokens: Vec<Added>) -> Self {
        let words = tokens.iter().map(|added| added.token.content.as_str()).zip(0..);
        Self { words: Words::new(words.filter(|(word, _)| !word.is_empty())), tokens }
    }

    /// The parts of a text that are not empty.
    pub(super) fn split(&self, text: &str) -> Vec<Part> {
        let found = self.found(text);
        let added = |place: &Option<usize>| place.map(|place| &self.tokens[place]);
        let mut parts: Vec<Part> = found
            .iter()
            .map(|(range, place)| Part { range: range.clone(), added: added(place).map(|added| added.id) })
            .collect();
        for (at, (_, place)) in found.iter().enumerate() {
            if let Some(Added { token, .. }) = added(place) {
                change_neighbours(&mut parts, text, at, token);
            }
        }
        parts.retain(|part| !part.range.is_empty());
        // A part that has changed may be a token now.
        let id = |part: &Part| Some(self.tokens[self.words.id(&text[part.range.clone()])?].id);
        parts.iter().map(|part| Part { added: id(part), ..part.clone() }).collect()
    }

    /// The ranges of tokens, with their places among the tokens, and of what is between them.
    fn found(&self, text: &str) -> Vec<(Range<usize>, Option<usize>)> {
        let (mut found, mut start, mut at) = (vec![], 0, 0);
        while let Some(c) = text[at..].chars().next() {
            let Some((len, place)) = self.words.beginnings(&text.as_bytes()[at..]).last() else {
                at += c.len_utf8();
                continue;
            };
            if start < at {
                found.push((start..at, None));
            }
            found.push((at..at + len, Some(place)));
            at += len;
            start = at;
        }
        if start < at {
            found.push((start..at, None));
        }
        found
    }
}

/// Takes the spaces beside a token away where its flags say so, and makes it a part of a word in which it stands if it has to be a word
/// of its own.
fn change_neighbours(parts: &mut [Part], text: &str, at: usize, token: &AddedToken) {
    let (before, rest) = parts.split_at_mut(at);
    let Some((own, after)) = rest.split_first_mut() else { return };
    let (before, after) = (before.last_mut(), after.first_mut());
    let part = |part: &Part| &text[part.range.clone()];
    let ends_word = |other: &Part| part(other).chars().next_back().is_some_and(|c| c != ' ');
    let begins_word = |other: &Part| part(other).chars().next().is_some_and(|c| c != ' ');
    match (before, after) {
        (Some(before), _) if token.single_word && ends_word(before) => {
            *before = Part { range: before.range.start..own.range.end, added: None };
            own.range = own.range.end..own.range.end;
        }
        (_, Some(after)) if token.single_word && begins_word(after) => {
            *after = Part { range: own.range.start..after.range.end, added: None };
            own.range = own.range.start..own.range.start;
        }
        (before, after) => {
            if let Some(before) = before.filter(|before| token.lstrip && before.added.is_none()) {
                before.range.end = before.range.start + part(before).trim_end().len();
            }
            if let Some(after) = after.filter(|after| token.rstrip && after.added.is_none()) {
                after.range.start = after.range.end - part(after).trim_start().len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<(&str, Option<u32>)> {
        let token = |content: &str| AddedToken::from(content, true);
        let tokens = [
            token("<a>"),
            AddedToken { lstrip: true, rstrip: true, ..token("<mask>") },
            AddedToken { single_word: true, ..token("word") },
            token("<a><b>"),
        ];
        let tokens = tokens.into_iter().zip(10..).map(|(token, id)| Added { token, id });
        let parts = Splitter::new(tokens.collect()).split(text);
        parts.into_iter().map(|part| (&text[part.range], part.added)).collect()
    }

    #[test]
    fn the_longest_token_is_found_first() {
        assert_eq!(
            parts("x <a><b>y<a>"),
            [("x ", None), ("<a><b>", Some(13)), ("y", None), ("<a>", Some(10))]
        );
        assert_eq!(parts(""), []);
        assert_eq!(parts("é<a"), [("é<a", None)]);
    }

    #[test]
    fn flags_change_what_is_beside_a_token() {
        assert_eq!(parts("x  <mask>\n y"), [("x", None), ("<mask>", Some(11)), ("y", None)]);
        assert_eq!(parts(" <mask>"), [("<mask>", Some(11))]);
        assert_eq!(parts("a word b"), [("a ", None), ("word", Some(12)), (" b", None)]);
        assert_eq!(parts("a sword b"), [("a sword", None), (" b", None)]);
        assert_eq!(parts("words"), [("words", None)]);
        assert_eq!(parts("word\t<mask>"), [("word", Some(12)), ("<mask>", Some(11))]);
    }
}
