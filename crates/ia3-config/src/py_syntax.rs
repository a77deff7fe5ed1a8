//! Python's regular expression syntax in Rust's: one pass that translates what differs and refuses the rest.
//!
//! Source: CPython 3.11 `Lib/re/_parser.py`, compared by running both.

mod escape;
mod group;

use crate::ConfigError;

/// A pattern that Rust's engines read as Python reads the original.
pub(crate) struct Translated {
    pub(crate) pattern: String,
    /// Whether the pattern begins with `(?x)`.
    pub(crate) verbose: bool,
    /// Whether there is a possessive quantifier, which the `regex` crate would take for a nested one.
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

/// What a quantifier would apply to.
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
    /// Whether verbose mode is on, outside and in each open group.
    verbose: Vec<bool>,
    /// Whether only flags and comments came so far, so that more global flags may follow.
    at_start: bool,
    /// Names of the groups so far.
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

    /// White space and comments of verbose mode.
    fn skip(&mut self, next: char) -> Result<(), Refused> {
        if !next.is_ascii() {
            return refuse(next, "is white space in only one of the two languages; escape it");
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

    /// A counted repetition, or a literal brace where Python sees no valid one.
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
            return refuse(format!("{{{count}"), "ends below its start");
        }
        let zero = if low.is_empty() { "0" } else { "" };
        self.repeat(&format!("{{{zero}{count}"))
    }

    fn repeat(&mut self, quantifier: &str) -> Result<(), Refused> {
        match self.last {
            Last::Nothing => return refuse(quantifier, "has nothing to repeat"),
            Last::Repeat => return refuse(quantifier, "repeats a repetition; put a group around it"),
            Last::Comment => return refuse(quantifier, "follows a comment; move the comment behind it"),
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

/// Length of `2}`, `2,}`, `,3}` or `2,3}` at the start of the text.
fn counted(text: &str) -> Option<usize> {
    let end = text.find('}')?;
    let (low, high) = text[..end].split_once(',').unwrap_or((&text[..end], "0"));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    (end > 0 && digits(low) && digits(high)).then_some(end + 1)
}
