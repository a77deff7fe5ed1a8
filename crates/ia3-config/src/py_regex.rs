//! Implements Python's `re.fullmatch` with Rust's regular expression engines.

use ia3_guard::caught;

use crate::ConfigError;
use crate::py_references;
use crate::py_syntax::{self, Translated};

/// A Python regular expression, matched as `re.fullmatch` does.
///
/// PEFT uses `re.fullmatch` for a `target_modules`, `feedforward_modules` or `exclude_modules` that is a string
/// (`utils/other.py`, `tuners/ia3/model.py`). If the `regex` crate accepts the pattern, it runs in linear time. Only
/// patterns with look-around, back-references, conditionals, atomic groups or possessive quantifiers run on a backtracking
/// engine with a step limit. A construct that would silently have another meaning than in Python is refused.
///
/// The results equal Python's for every text that is not empty and has no line breaks, and whose characters that `\w`, `\s`
/// or `(?i)` compares are ASCII. Module paths are such texts.
///
/// ```
/// # use ia3_config::PyRegex;
/// let values = PyRegex::new(r".*decoder.*(SelfAttention|EncDecAttention)\.(q|v)")?;
/// assert!(values.fullmatch("decoder.block.0.layer.0.SelfAttention.v")?);
/// assert!(!values.fullmatch("decoder.block.0.layer.0.SelfAttention.v.weight")?);
/// # Ok::<(), ia3_config::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PyRegex {
    pattern: String,
    engine: Engine,
}

/// The longest pattern. A pattern that names each layer of a model with a hundred layers has about 30 kB.
const MAX_PATTERN: usize = 64 << 10;
/// The largest size of a compiled pattern in bytes, the default of the `regex` crate.
const MAX_COMPILED: usize = 10 << 20;
/// The longest pattern for the backtracking engine, which compiles every part between two of its own constructs by itself.
const MAX_BACKTRACKING_PATTERN: usize = 4 << 10;
/// The largest size of all these parts together, unless there are so many that [`MIN_PART`] is more.
const MAX_PARTS: usize = 4 << 20;
/// The size in bytes that every part may have: `(?i:\w+)` takes less.
const MIN_PART: usize = 32 << 10;
/// The largest number of times that the backtracking engine may go back for one path.
const MAX_STEPS: usize = 100_000;

#[derive(Clone, Debug)]
enum Engine {
    Linear(regex::Regex),
    Backtracking(Box<fancy_regex::Regex>),
}

impl PyRegex {
    /// Compiles a pattern of Python's `re` module.
    ///
    /// # Errors
    /// - [`ConfigError::InvalidPattern`]: Python refuses the pattern too.
    /// - [`ConfigError::UnsupportedPattern`]: the pattern would have another meaning here than in Python.
    pub fn new(pattern: &str) -> Result<Self, ConfigError> {
        Self::anchored(pattern, r"\z", MAX_COMPILED)
    }

    /// Compiles a pattern that is anchored only at its start, as in Python's `re.match`.
    pub(crate) fn prefix(pattern: &str, max_compiled: usize) -> Result<Self, ConfigError> {
        Self::anchored(pattern, "", max_compiled)
    }

    fn anchored(pattern: &str, end: &str, max_compiled: usize) -> Result<Self, ConfigError> {
        if pattern.len() > MAX_PATTERN {
            return Err(ConfigError::PatternTooLong { bytes: pattern.len(), limit: MAX_PATTERN });
        }
        let translated = py_syntax::translate(pattern)?;
        // In verbose mode a comment at the end of the pattern would swallow the closing parenthesis.
        let newline = if translated.verbose { "\n" } else { "" };
        let wrapped = format!(r"\A(?:{}{newline}){end}", translated.pattern);
        let invalid = |reason| ConfigError::InvalidPattern { pattern: pattern.to_owned(), reason };
        let engine = match linear(&wrapped, &translated, max_compiled) {
            Ok(regex) => Engine::Linear(regex),
            Err(refused) if pattern.len() > MAX_BACKTRACKING_PATTERN => {
                let (bytes, limit) = (pattern.len(), MAX_BACKTRACKING_PATTERN);
                return Err(refused.map_or(ConfigError::PatternTooLong { bytes, limit }, invalid));
            }
            Err(refused) => backtracking(&wrapped, refused, max_compiled).map_err(invalid)?,
        };
        let pattern = pattern.to_owned();
        Ok(Self { pattern, engine })
    }

    /// Whether the pattern matches the whole text.
    ///
    /// # Errors
    /// [`ConfigError::PatternTooSlow`] if the backtracking engine reaches its step limit, which takes about half a second.
    pub fn fullmatch(&self, text: &str) -> Result<bool, ConfigError> {
        self.is_match(text)
    }

    /// Whether the pattern matches, with the anchors that it was compiled with.
    pub(crate) fn is_match(&self, text: &str) -> Result<bool, ConfigError> {
        match &self.engine {
            Engine::Linear(regex) => Ok(regex.is_match(text)),
            Engine::Backtracking(regex) => self.go_back(regex, text),
        }
    }

    /// Matches with the backtracking engine, whose panics are errors too.
    fn go_back(&self, regex: &fancy_regex::Regex, text: &str) -> Result<bool, ConfigError> {
        let pattern = || self.pattern.clone();
        match caught(|| regex.is_match(text)) {
            Ok(Ok(matches)) => Ok(matches),
            Ok(Err(_)) => Err(ConfigError::PatternTooSlow { pattern: pattern(), text: text.to_owned() }),
            Err(reason) => Err(ConfigError::InvalidPattern { pattern: pattern(), reason }),
        }
    }

    /// The pattern as the user wrote it.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }
}

/// Compiles for the linear engine. The error is what is wrong with the pattern, or `None` if it needs the backtracking engine.
fn linear(
    wrapped: &str,
    translated: &Translated,
    max_compiled: usize,
) -> Result<regex::Regex, Option<String>> {
    match regex::RegexBuilder::new(wrapped).size_limit(max_compiled).build() {
        Ok(regex) if !translated.possessive => Ok(regex),
        Ok(_) => Err(None),
        Err(error) => {
            Err(Some(last_line(&error.to_string())).filter(|reason| !reason.contains("not supported")))
        }
    }
}

fn backtracking(wrapped: &str, refused: Option<String>, max_compiled: usize) -> Result<Engine, String> {
    let build = || {
        let mut builder = fancy_regex::RegexBuilder::new(wrapped);
        builder.backtrack_limit(MAX_STEPS).delegate_size_limit(part_limit(wrapped).min(max_compiled)).build()
    };
    match caught(build)? {
        // The engine would panic at a test of a group that does not exist.
        Ok(regex) => py_references::check(wrapped).map(|()| Engine::Backtracking(Box::new(regex))),
        Err(error) => Err(refused.unwrap_or(error.to_string())),
    }
}

/// The size that each part of a pattern may have which the backtracking engine compiles by itself. There is at most one part for each
/// group, alternative, reference and possessive quantifier, and one beside them.
fn part_limit(wrapped: &str) -> usize {
    let parts = wrapped.matches(['(', ')', '|', '+', '\\']).count() + 1;
    (MAX_PARTS / parts).max(MIN_PART)
}

/// The last line of the parser's message, which says what is wrong. The lines before it show the wrapped pattern.
fn last_line(error: &str) -> String {
    let line = error.lines().last().unwrap_or(error);
    line.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conditional_on_a_group_that_does_not_exist_is_refused() {
        for pattern in
            ["(?(1))", "(?(1)){9999999}k", "(a)(?(2)b|c)", "(?(99999999999999999999)a)", "(?(1", "(?("]
        {
            assert!(PyRegex::new(pattern).is_err(), "{pattern}");
        }
        let regex = PyRegex::new("(a)?(?(1)b|c)").unwrap();
        assert!(
            regex.fullmatch("ab").unwrap()
                && regex.fullmatch("c").unwrap()
                && !regex.fullmatch("ac").unwrap()
        );
    }

    #[test]
    fn a_panic_of_the_engine_is_an_error() {
        let regex = fancy_regex::Regex::new("(?(1))").unwrap();
        let engine = Engine::Backtracking(Box::new(regex));
        let regex = PyRegex { pattern: "(?(1))".to_owned(), engine };
        let error = regex.fullmatch("a").unwrap_err().to_string();
        assert!(error.starts_with("invalid regular expression `(?(1))`: "), "{error}");
    }

    fn is_linear(pattern: &str) -> bool {
        matches!(PyRegex::new(pattern).unwrap().engine, Engine::Linear(_))
    }

    #[test]
    fn the_linear_engine_takes_what_it_can() {
        for pattern in [r".*\.(k|v)$", "(a+)+$", "a{,2}", "x{y}", r"k\Z", "(?#why)k", "(?x) k # why"] {
            assert!(is_linear(pattern), "{pattern}");
        }
        for pattern in ["(?!x)k", "(?<=x)k", r"(a)\1", "(?>a)b", "a++b", "(a)?(?(1)b|c)"] {
            assert!(!is_linear(pattern), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_for_the_backtracking_engine_is_short() {
        let error = |pattern: String| PyRegex::new(&pattern).unwrap_err().to_string();
        let long = error(r"(?=\w)".repeat(1000));
        assert!(long.contains("6000 bytes") && long.contains("4096"), "{long}");
        // What is wrong with a long pattern is said.
        let open = error("k|".repeat(4000) + "(");
        assert!(open.contains("unclosed group"), "{open}");
        assert!(is_linear(&"model.layers.0.k|".repeat(3000)));
    }

    #[test]
    fn a_prefix_may_end_early() {
        let prefix = |pattern: &str, text: &str| {
            PyRegex::prefix(pattern, MAX_COMPILED).unwrap().is_match(text).unwrap()
        };
        assert!(prefix("ab", "abc"));
        assert!(!prefix("bc", "abc"));
        assert!(prefix("x|ab", "abc"));
    }

    #[test]
    fn the_pattern_is_kept() {
        assert_eq!(PyRegex::new("a{").unwrap().as_str(), "a{");
    }
}
