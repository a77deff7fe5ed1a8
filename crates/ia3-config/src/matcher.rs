//! How names and patterns select paths.

use std::collections::BTreeSet;

use crate::selector::ALL_LINEAR;
use crate::{ConfigError, PyRegex, Selector};

/// The names that select a path: the path itself, and the text after each of its dots.
pub(crate) fn suffixes(path: &str) -> impl Iterator<Item = &str> {
    let after_dots = path.match_indices('.').map(|(dot, _)| &path[dot + 1..]);
    std::iter::once(path).chain(after_dots)
}

/// Every end of a path, from the path itself to the empty end.
pub(crate) fn ends(path: &str) -> impl Iterator<Item = &str> {
    path.char_indices().map(|(start, _)| &path[start..]).chain(std::iter::once(""))
}

/// A [`Selector`](crate::Selector) compiled for matching paths.
pub(crate) enum Matcher {
    Names(BTreeSet<String>),
    Pattern(PyRegex),
}

/// How a name selects paths.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Rule {
    /// It is the path, or the part after one of its dots ([`Matcher::selects`]).
    AfterDot,
    /// It is any end of the path ([`Matcher::selects_end`]).
    AnyEnd,
}

impl Rule {
    /// The names that select a path.
    pub(crate) fn names(self, path: &str) -> impl Iterator<Item = &str> {
        let after_dot = move |end: &&str| {
            self == Self::AnyEnd || end.len() == path.len() || path[..path.len() - end.len()].ends_with('.')
        };
        ends(path).filter(after_dot)
    }
}

impl Matcher {
    /// Whether the selector selects the path by a rule.
    pub(crate) fn selects_by(&self, rule: Rule, path: &str) -> Result<bool, ConfigError> {
        match rule {
            Rule::AfterDot => self.selects(path),
            Rule::AnyEnd => self.selects_end(path),
        }
    }

    pub(crate) fn new(selector: &Selector) -> Result<Self, ConfigError> {
        match selector {
            Selector::Names(names) => Ok(Self::Names(names.clone())),
            Selector::Pattern(pattern) => PyRegex::new(pattern).map(Self::Pattern),
            Selector::AllLinear => PyRegex::new(ALL_LINEAR).map(Self::Pattern),
        }
    }

    /// Whether the selector selects the path by the rule for `target_modules` and `exclude_modules`: a name selects a path
    /// if it is the whole path or the part after one of its dots (PEFT's `tuners/tuners_utils.py`,
    /// `check_target_module_exists`).
    pub(crate) fn selects(&self, path: &str) -> Result<bool, ConfigError> {
        match self {
            Self::Names(names) => Ok(suffixes(path).any(|suffix| names.contains(suffix))),
            Self::Pattern(regex) => regex.fullmatch(path),
        }
    }

    /// Whether the selector selects the path by the rule for `feedforward_modules`: a name selects every path that ends with
    /// it, with or without a dot before it (PEFT's `tuners/ia3/model.py`, `_check_target_module_feedforward`).
    ///
    /// So `o` also selects `DenseReluDense.wo`. If a dot were required, an adapter that PEFT trained on the input of such a
    /// layer would scale its output here.
    pub(crate) fn selects_end(&self, path: &str) -> Result<bool, ConfigError> {
        match self {
            Self::Names(names) => Ok(ends(path).any(|end| names.contains(end))),
            Self::Pattern(regex) => regex.fullmatch(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Matcher {
        Matcher::new(&Selector::from(names)).unwrap()
    }

    #[test]
    fn suffixes_are_the_path_and_what_follows_its_dots() {
        assert_eq!(suffixes("a.bc.d").collect::<Vec<_>>(), ["a.bc.d", "bc.d", "d"]);
        assert_eq!(suffixes("").collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn a_target_name_begins_behind_a_dot() {
        let cases =
            [("wo", true), ("o", false), ("x.wo", true), ("a.x.wo", true), (".wo", false), ("", false)];
        for (name, expected) in cases {
            assert_eq!(names(&[name]).selects("a.x.wo").unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn a_feedforward_name_begins_anywhere() {
        let cases =
            [("wo", true), ("o", true), (".wo", true), ("", true), ("a.x.wo", true), ("ba.x.wo", false)];
        for (name, expected) in cases {
            assert_eq!(names(&[name]).selects_end("a.x.wo").unwrap(), expected, "{name}");
        }
    }
}
