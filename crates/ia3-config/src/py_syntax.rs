//! Translates Python's regular expression syntax into Rust's in one pass. It refuses the constructs that it cannot translate.
//!
//! The source is `Lib/re/_parser.py` of CPython 3.11. The results were compared by running both.

mod escape;
mod group;

use crate::ConfigError;

/// A pattern that has the same meaning for Rust's engines as the original has for Python.
pub(crate) struct Translated {
    pub(crate) pattern: String,
    /// Whether the pattern begins with `(?x)`.
    pub(crate) verbose: bool,
    /// Whether there is a possessive quantifier, which the `regex` crate would read as two nested quantifiers.
    pub(crate) possessive: bool,
}

pub(crate) fn translate(pattern: &str) -> Result<Translated, ConfigError> {
    let mut parser = Parser::new(pattern);
    parser.run().map_err(|Refused { found, hint }| ConfigError::UnsupportedPattern {
        pattern: pattern.to_owned(),
        found,
        hint,
    })?;
    Ok(Translated { pattern: parser.out, verbose: parser.verbose[0], possessive: parser.possessive })
}

struct Refused {
    found: String,
    hint: &'static str,
}

fn refuse<T>(found: impl Into<String>, hint: &'static str) -> Result<T, Refused> {
    let found = found.into();
    Err(Refused { found, hint })
}

/// The item before the current position, to which a quantifier would apply.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    /// The start of a branch, or an anchor.
    Nothing,
    Comment,
    Item,
    Repeat,
}

struct Parser<'p> {
    rest: &'p str,
    out: String,
    last: Last,
    /// Whether verbose mode is on: one entry for the pattern, and one for each open group.
    verbose: Vec<bool>,
    /// Whether only flags and comments have been read so far, so that more global flags may follow.
    at_start: bool,
    /// The names of the groups that have been read so far.
    names: Vec<&'p str>,
    possessive: bool,
}

impl<'p> Parser<'p> {
    fn new(pattern: &'p str) -> Self {
        Self {
            rest: pattern,
            out: String::with_capacity(pattern.len() + 8),
            last: Last::Nothing,
            verbose: vec![false],
            at_start: true,
            names: Vec::new(),
            possessive: false,
        }
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    /// Takes the first `len` bytes of the rest.
    fn take(&mut self, len: usize) -> &'p str {
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }

    fn is_verbose(&self) -> bool {
        self.verbose.last().is_some_and(|&verbose| verbose)
    }

    fn run(&mut self) -> Result<(), Refused> {
        while let Some(next) = self.bump() {
            if self.is_verbose() && (next == '#' || next.is_whitespace()) {
                self.skip(next)?;
            } else if next == '(' {
                self.open_group()?;
            } else {
                self.at_start = false;
                self.atom(next)?;
            }
        }
        Ok(())
    }

    /// Copies white space or a comment of verbose mode.
    fn skip(&mut self, next: char) -> Result<(), Refused> {
        if !next.is_ascii() {
            return refuse(next, "may be white space in Python but not in Rust, or the reverse; escape it");
        }
        self.out.push(next);
        if next == '#' {
            let len = self.rest.find('\n').unwrap_or(self.rest.len());
            let comment = self.take(len);
            self.out.push_str(comment);
        }
        Ok(())
    }

    fn atom(&mut self, next: char) -> Result<(), Refused> {
        match next {
            '\\' => self.escape()?,
            '[' => self.class()?,
            ')' => self.close_group()?,
            '|' | '^' | '$' => self.push(next, Last::Nothing),
            '*' | '+' | '?' => self.repeat(&next.to_string())?,
            '{' => self.brace()?,
            _ => self.push(next, Last::Item),
        }
        Ok(())
    }

    fn push(&mut self, next: char, last: Last) {
        self.out.push(next);
        self.last = last;
    }

    fn close_group(&mut self) -> Result<(), Refused> {
        if self.verbose.len() == 1 {
            return refuse(")", "closes no group; write `\\)` for the character");
        }
        self.verbose.pop();
        self.push(')', Last::Item);
        Ok(())
    }

    /// Translates a counted repetition, or a literal brace if Python sees no valid repetition there.
    fn brace(&mut self) -> Result<(), Refused> {
        let Some(len) = counted(self.rest) else {
            self.out.push('\\');
            self.push('{', Last::Item);
            return Ok(());
        };
        let count = self.take(len);
        let (low, high) = count[..len - 1].split_once(',').unwrap_or((count, ""));
        if let (Ok(low), Ok(high)) = (low.parse::<u32>(), high.parse::<u32>())
            && low > high
        {
            return refuse(format!("{{{count}"), "has an upper bound below its lower bound");
        }
        let zero = if low.is_empty() { "0" } else { "" };
        self.repeat(&format!("{{{zero}{count}"))
    }

    fn repeat(&mut self, quantifier: &str) -> Result<(), Refused> {
        match self.last {
            Last::Nothing => return refuse(quantifier, "has nothing to repeat"),
            Last::Repeat => return refuse(quantifier, "repeats a repetition; put a group around it"),
            Last::Comment => return refuse(quantifier, "follows a comment; move the comment after it"),
            Last::Item => self.out.push_str(quantifier),
        }
        if self.rest.starts_with(['?', '+']) {
            self.possessive |= self.rest.starts_with('+');
            let suffix = self.take(1);
            self.out.push_str(suffix);
        }
        self.last = Last::Repeat;
        Ok(())
    }
}

/// The length of `2}`, `2,}`, `,3}` or `2,3}` at the start of the text, or `None` if the text starts with none of them.
fn counted(text: &str) -> Option<usize> {
    let end = text.find('}')?;
    let (low, high) = text[..end].split_once(',').unwrap_or((&text[..end], "0"));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    (end > 0 && digits(low) && digits(high)).then_some(end + 1)
}
