//! The ways in which a configuration names modules.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// The modules that `target_modules`, `feedforward_modules` or `exclude_modules` selects.
///
/// In JSON, a list is [`Selector::Names`] and a string is a [`Selector::Pattern`]. Only in `target_modules`, the string
/// `"all-linear"` (in upper or lower case) is [`Selector::AllLinear`].
///
/// ```
/// # use ia3_config::Selector;
/// let names = Selector::from(["k", "v", "wo"]);
/// let pattern = Selector::from(r".*\.(k|v|wo)");
/// assert_eq!(Selector::from("ALL-linear"), Selector::AllLinear);
/// # assert_ne!(names, pattern);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Names of modules. A name selects a module if it is the whole path or the part of the path after a dot.
    ///
    /// In `feedforward_modules`, a name selects every path that ends with it, even without a dot before it, as in PEFT.
    Names(BTreeSet<String>),
    /// A Python regular expression that must match the whole path (`re.fullmatch`); see [`PyRegex`](crate::PyRegex).
    Pattern(String),
    /// Every linear layer except the output layer. It has this meaning only in `target_modules`.
    AllLinear,
}

/// PEFT's `INCLUDE_LINEAR_LAYERS_SHORTHAND`.
pub(crate) const ALL_LINEAR: &str = "all-linear";

impl Selector {
    /// Converts a string of `target_modules`, where `"all-linear"` has its special meaning.
    fn into_target(self) -> Self {
        match self {
            Self::Pattern(text) if text.eq_ignore_ascii_case(ALL_LINEAR) => Self::AllLinear,
            other => other,
        }
    }

    /// Converts a string of another field, where `"all-linear"` is an ordinary regular expression.
    pub(crate) fn into_plain(self) -> Self {
        match self {
            Self::AllLinear => Self::Pattern(ALL_LINEAR.to_owned()),
            other => other,
        }
    }

    /// Whether it means all linear layers if it stands in `target_modules`.
    pub(crate) fn is_all_linear(&self) -> bool {
        self.clone().into_target() == Self::AllLinear
    }

    /// Whether it is an empty list or string, which PEFT treats as a field that is not set.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Names(names) => names.is_empty(),
            Self::Pattern(pattern) => pattern.is_empty(),
            Self::AllLinear => false,
        }
    }
}

impl From<&str> for Selector {
    fn from(text: &str) -> Self {
        Self::Pattern(text.to_owned()).into_target()
    }
}

impl From<String> for Selector {
    fn from(text: String) -> Self {
        Self::Pattern(text).into_target()
    }
}

impl<const N: usize> From<[&str; N]> for Selector {
    fn from(names: [&str; N]) -> Self {
        names.into_iter().collect()
    }
}

impl From<&[&str]> for Selector {
    fn from(names: &[&str]) -> Self {
        names.iter().copied().collect()
    }
}

impl From<Vec<String>> for Selector {
    fn from(names: Vec<String>) -> Self {
        names.into_iter().collect()
    }
}

impl From<BTreeSet<String>> for Selector {
    fn from(names: BTreeSet<String>) -> Self {
        Self::Names(names)
    }
}

impl<S: Into<String>> FromIterator<S> for Selector {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self::Names(names.into_iter().map(Into::into).collect())
    }
}

impl Serialize for Selector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Names(names) => names.serialize(serializer),
            Self::Pattern(pattern) => serializer.serialize_str(pattern),
            Self::AllLinear => serializer.serialize_str(ALL_LINEAR),
        }
    }
}

/// Reads the value of `target_modules`, where `"all-linear"` is [`Selector::AllLinear`].
impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Plain::deserialize(deserializer).map(|Plain(selector)| selector.into_target())
    }
}

/// The selector of a field in which `"all-linear"` has no special meaning.
pub(crate) struct Plain(pub(crate) Selector);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Plain;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of module names, a regular expression as a string, or null")
    }

    fn visit_str<E>(self, text: &str) -> Result<Plain, E> {
        Ok(Plain(Selector::Pattern(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Plain, A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = list.next_element()? {
            names.insert(name);
        }
        Ok(Plain(Selector::Names(names)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_targets_know_all_linear() {
        assert_eq!(Selector::from("All-LINEAR"), Selector::AllLinear);
        assert_eq!(Selector::from(["all-linear"]), Selector::Names(["all-linear".to_owned()].into()));
        let read = |text: &str| serde_json::from_str::<Selector>(text).unwrap();
        assert_eq!(read(r#""all-LINEAR""#), Selector::AllLinear);
        let Plain(plain) = serde_json::from_str(r#""all-LINEAR""#).unwrap();
        assert_eq!(plain, Selector::Pattern("all-LINEAR".into()));
    }
}
