//! Text from outside, made safe to print.

use std::borrow::Cow;
use std::fmt::{Display, Write};
use std::path::Path;

/// The largest number of characters of one text that a message quotes.
pub const QUOTED: usize = 200;

/// The text with every character escaped that a terminal or a reader would not show as itself: control characters (escape
/// sequences and line breaks with them), and characters that are invisible or reorder the text around them.
///
/// ```
/// assert_eq!(ia3_guard::escape("a\nb\u{202e}c"), r"a\nb\u{202e}c");
/// assert_eq!(ia3_guard::escape("größe 中 ▁the"), "größe 中 ▁the");
/// ```
pub fn escape(text: &str) -> Cow<'_, str> {
    escape_but(text, |_| false)
}

/// As [`escape`], but line breaks and tabs stay: for a text of several lines that are the program's own.
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    escape_but(text, |c| matches!(c, '\n' | '\t'))
}

fn escape_but(text: &str, kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_unsafe = |c: char| is_unsafe(c) && !kept(c);
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unsafe(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// JSON text with the same values, in which every such character inside a string is an escape of JSON.
///
/// ```
/// assert_eq!(ia3_guard::escape_json("{\n  \"a\u{202e}\": 1\n}"), "{\n  \"a\\u202e\": 1\n}");
/// ```
pub fn escape_json(json: &str) -> Cow<'_, str> {
    // Outside strings JSON holds none of these characters but line breaks.
    let is_unsafe = |c: char| is_unsafe(c) && c != '\n';
    if !json.contains(is_unsafe) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        match is_unsafe(c) {
            false => out.push(c),
            true => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                let _ = write!(out, "\\u{unit:04x}"); // Writing into a `String` does not fail.
            }),
        }
    }
    Cow::Owned(out)
}

/// The text escaped, and cut after [`QUOTED`] characters with a remark on its length.
///
/// ```
/// let quoted = ia3_guard::quote(&"a".repeat(1_000)).into_owned();
/// assert_eq!(quoted, format!("{}… (1000 characters)", "a".repeat(200)));
/// ```
pub fn quote(text: &str) -> Cow<'_, str> {
    cut(text, QUOTED)
}

/// The message of another crate, which may contain text from outside, as [`quote`] shows it, but with up to 600 characters.
pub fn quote_error(error: &(impl Display + ?Sized)) -> String {
    cut(&error.to_string(), 3 * QUOTED).into_owned()
}

/// The text in double quotes as `{:?}` writes it, cut as [`quote`] does.
///
/// ```
/// assert_eq!(ia3_guard::quote_debug("say \"a\"\n"), r#""say \"a\"\n""#);
/// ```
pub fn quote_debug(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}… ({} characters)", &text[..end], text.chars().count()),
    }
}

/// The first 20 of several texts, joined, and how many more there are.
///
/// ```
/// assert_eq!(ia3_guard::few((0..22).map(|i| i.to_string()), ", ").split(", ").last(), Some("19 and 2 more"));
/// ```
pub fn few(texts: impl ExactSizeIterator<Item = String>, between: &str) -> String {
    let more = texts.len().saturating_sub(20);
    let shown = texts.take(20).collect::<Vec<_>>().join(between);
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

fn cut(text: &str, max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(max) {
        None => escape(text),
        Some((end, _)) => {
            Cow::Owned(format!("{}… ({} characters)", escape(&text[..end]), text.chars().count()))
        }
    }
}

/// The text as [`quote`] shows it, for a place in a line or a table of Markdown.
///
/// ```
/// assert_eq!(ia3_guard::quote_markdown("q_proj"), "q_proj");
/// assert_eq!(ia3_guard::quote_markdown("a | [b](c)\n"), r"a \| \[b\](c)\\n");
/// ```
pub fn quote_markdown(text: &str) -> String {
    let mut out = String::new();
    for c in quote(text).chars() {
        if matches!(c, '\\' | '|' | '<' | '>' | '[' | ']' | '`' | '*' | '&' | '!' | '~' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The text as [`quote`] shows it, as code in Markdown.
///
/// ```
/// assert_eq!(ia3_guard::quote_code("t5-base"), "`t5-base`");
/// assert_eq!(ia3_guard::quote_code("a`b"), "`` a`b ``");
/// ```
pub fn quote_code(text: &str) -> String {
    let text = quote(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    match longest {
        0 => format!("`{text}`"),
        ticks => format!("{0} {text} {0}", "`".repeat(ticks + 1)),
    }
}

/// The path escaped; of one with more than [`QUOTED`] characters the end, which names the file.
pub fn quote_path(path: &Path) -> String {
    let text = path.to_string_lossy();
    match text.char_indices().nth_back(QUOTED) {
        None => escape(&text).into_owned(),
        Some((before, c)) => format!("…{}", escape(&text[before + c.len_utf8()..])),
    }
}

/// Control characters; line and paragraph separators; marks, embeddings, overrides and isolates of direction; zero-width
/// characters but the joiners, which scripts and emoji need; annotations and tags.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reorders_hides_or_moves_is_escaped() {
        let text = "\u{1b}]0;x\u{7}\r\t\u{9b}2J\u{2066}\u{feff}\u{e0041}\u{200b}";
        let escaped = r"\u{1b}]0;x\u{7}\r\t\u{9b}2J\u{2066}\u{feff}\u{e0041}\u{200b}";
        assert_eq!(escape(text), escaped);
        assert_eq!(escape(escaped), escaped);
        assert_eq!(escape_lines("a\n\tb\r"), "a\n\tb\\r");
    }

    #[test]
    fn joiners_and_letters_of_all_scripts_stay() {
        for text in ["نمی\u{200c}خواهم", "👩\u{200d}🔬", "日本語", "é", "a\\b"] {
            assert_eq!(escape(text), text);
        }
    }

    #[test]
    fn json_keeps_its_values() {
        let json = "\"\u{9b}\u{e0041}\u{7f}\"";
        assert_eq!(escape_json(json), r#""\u009b\udb40\udc41\u007f""#);
    }

    #[test]
    fn a_long_path_keeps_its_end() {
        let path = format!("{}/config.json", "é".repeat(300));
        let quoted = quote_path(Path::new(&path));
        assert!(quoted.starts_with("…é") && quoted.ends_with("/config.json"), "{quoted}");
        assert_eq!(quoted.chars().count(), QUOTED + 1);
        assert_eq!(quote_path(Path::new("a\nb")), r"a\nb");
    }
}
