//! How much of a text is tokenised.

use crate::error::DataError;

/// The largest text that is tokenised whole.
pub(crate) const MAX_TEXT: usize = 4 << 20;
/// Texts up to this size are tokenised whole, and at once.
const SHORT: usize = 64 << 10;
/// How many bytes of a long text are tried first for each token that is needed.
const BYTES_PER_TOKEN: usize = 64;
/// How many more tokens than needed the beginning of a text has to have, so that its cut end does not change the needed ones.
const MARGIN: usize = 64;

/// The text, if it is not too long to be tokenised whole.
pub(crate) fn whole(text: &str) -> Result<&str, DataError> {
    match text.len() > MAX_TEXT {
        true => Err(DataError::TextTooLong { bytes: text.len(), limit: MAX_TEXT }),
        false => Ok(text),
    }
}

/// Tokenises the beginning of a text, with at least its first `max` tokens. The beginning grows until it is long enough,
/// because a tokenizer may drop characters.
pub(crate) fn head<E>(
    text: &str,
    max: usize,
    mut encode: impl FnMut(&str) -> Result<E, DataError>,
    len: impl Fn(&E) -> usize,
) -> Result<E, DataError> {
    let wanted = max.saturating_add(MARGIN);
    let mut end = wanted.saturating_mul(BYTES_PER_TOKEN).max(SHORT);
    loop {
        let part = cut(text, end);
        let encoded = encode(whole(part)?)?;
        if part.len() == text.len() || len(&encoded) >= wanted {
            return Ok(encoded);
        }
        end = end.saturating_mul(4);
    }
}

/// At most `end` bytes of a text, cut in front of a space if one is near.
fn cut(text: &str, end: usize) -> &str {
    if text.len() <= end {
        return text;
    }
    let end = (0..=end).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    let part = &text[..end];
    let word_end = part.char_indices().rev().zip(part.char_indices().rev().skip(1));
    let near =
        word_end.take(SHORT / 2).find(|((_, space), (_, c))| space.is_whitespace() && !c.is_whitespace());
    near.map_or(part, |((at, _), _)| &part[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_tokenised_only_as_far_as_needed() {
        let text = "word ".repeat(10 << 20);
        let mut seen = 0;
        let encode = |part: &str| {
            seen += part.len();
            Ok(part.split_whitespace().count())
        };
        assert!(head(&text, 256, encode, |len| *len).unwrap() >= 256);
        assert!(seen <= SHORT, "{seen}");
    }

    #[test]
    fn the_beginning_grows_until_it_is_enough_or_too_long() {
        let text = format!("{}word", " ".repeat(1 << 20));
        let words = |part: &str| Ok(part.split_whitespace().count());
        assert_eq!(head(&text, 256, words, |len| *len).unwrap(), 1);
        let error = head(&" ".repeat(50 << 20), 256, words, |len| *len).unwrap_err().to_string();
        assert!(error.contains("more than the limit of 4194304 bytes"), "{error}");
        assert_eq!(cut("ééé", 3), "é");
        assert_eq!(cut("ab  cd", 5), "ab");
    }
}
