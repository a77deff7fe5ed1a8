//! How a configuration names modules.

use std::collections::BTreeSet;

/// How modules are chosen by `target_modules`, `feedforward_modules` or `exclude_modules`.
///
/// In JSON a list is [`Selector::Names`] and a string a [`Selector::Pattern`]; only for `target_modules` is the
/// string `"all-linear"`, in any case, [`Selector::AllLinear`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Names of modules: the whole path, or its end after a dot.
    Names(BTreeSet<String>),
    /// A Python regular expression that must match the whole path (`re.fullmatch`), see [`PyRegex`](crate::PyRegex).
    Pattern(String),
    /// Every linear layer but the output layer. Means something only as `target_modules`.
    AllLinear,
}

const ALL_LINEAR: &str = "all-linear";

impl From<&str> for Selector {
    fn from(text: &str) -> Self {
        if text.eq_ignore_ascii_case(ALL_LINEAR) {
            Self::AllLinear
        } else {
            Self::Pattern(text.to_owned())
        }
    }
}

impl From<String> for Selector {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl<const N: usize> From<[&str; N]> for Selector {
    fn from(names: [&str; N]) -> Self {
        names.into_iter().collect()
    }
}

impl From<Vec<String>> for Selector {
    fn from(names: Vec<String>) -> Self {
        names.into_iter().collect()
    }
}

impl From<&[&str]> for Selector {
    fn from(names: &[&str]) -> Self {
        names.iter().copied().collect()
    }
}

impl<S: Into<String>> FromIterator<S> for Selector {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self::Names(names.into_iter().map(Into::into).collect())
    }
}
