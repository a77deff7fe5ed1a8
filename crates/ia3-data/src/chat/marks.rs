//! The block `{% generation %} … {% endgeneration %}`, with which a chat template marks what the model says.

use std::ops::Range;

use crate::error::{ChatError, DataError};

/// Characters of the private use area that stand at the start and at the end of what is marked.
const START: char = '\u{f8f0}';
const END: char = '\u{f8f1}';

/// The source with a mark in the place of each such tag, and whether it has one. The mark is inside a block, so that the rules
/// for white space around blocks hold for it.
pub(super) fn replaced(source: &str) -> (String, bool) {
    let (mut out, mut rest, mut found) = (String::new(), source, false);
    while let Some(at) = rest.find("{%") {
        let Some(length) = rest[at..].find("%}") else { break };
        let tag = &rest[at + 2..at + length];
        let (left, inner) = tag.strip_prefix(['-', '+']).map_or(("", tag), |inner| (&tag[..1], inner));
        let (right, inner) =
            inner.strip_suffix(['-', '+']).map_or(("", inner), |short| (&inner[inner.len() - 1..], short));
        let mark = match inner.trim() {
            "generation" => Some(START),
            "endgeneration" => Some(END),
            _ => None,
        };
        out += &rest[..at];
        match mark {
            Some(mark) => {
                found = true;
                out += &format!("{{%{left} if true %}}{{{{ \"{mark}\" }}}}{{% endif {right}%}}");
            }
            None => out += &rest[at..at + length + 2],
        }
        rest = &rest[at + length + 2..];
    }
    (out + rest, found)
}

/// The text without marks, and the ranges of bytes that were marked.
pub(super) fn split(rendered: &str) -> (String, Vec<Range<usize>>) {
    let (mut text, mut ranges, mut start) = (String::new(), vec![], None);
    for c in rendered.chars() {
        match c {
            START => start = Some(text.len()),
            END => ranges.extend(start.take().map(|start| start..text.len())),
            c => text.push(c),
        }
    }
    (text, ranges)
}

/// Refuses a text that has a mark of its own.
pub(super) fn check(text: &str) -> Result<(), DataError> {
    match text.chars().find(|c| [START, END].contains(c)) {
        Some(mark) => Err(ChatError::Mark { mark }.into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_marks_with_their_white_space_control() {
        let (source, found) = replaced("a {%- generation -%} b{% endgeneration %}{% if x %}c{% endif %}");
        assert!(found);
        let expected = "a {%- if true %}{{ \"\u{f8f0}\" }}{% endif -%} b{% if true %}{{ \"\u{f8f1}\" }}{% endif %}{% if x %}c{% endif %}";
        assert_eq!(source, expected);
        assert_eq!(
            replaced("{% set generation = 1 %}{% for"),
            ("{% set generation = 1 %}{% for".into(), false)
        );
    }

    #[test]
    fn marked_ranges_count_bytes_without_marks() {
        let (text, ranges) = split("é\u{f8f0}ab\u{f8f1}c\u{f8f0}\u{f8f1}");
        assert_eq!((text.as_str(), ranges), ("éabc", vec![2..4, 5..5]));
        assert!(check("a\u{f8f1}").is_err() && check("a").is_ok());
    }
}
