//! How a configuration names modules.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// How modules are chosen by `target_modules`, `feedforward_modules` or `exclude_modules`.
///
/// In JSON a list is [`Selector::Names`] and a string a [`Selector::Pattern`]; only as `target_modules` is the
/// string `"all-linear"`, in any case, [`Selector::AllLinear`].
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
    /// Names of modules: the whole path, or its end after a dot.
    ///
    /// As `feedforward_modules` a name is compared with the end of the path without looking for the dot, as PEFT does.
    Names(BTreeSet<String>),
    /// A Python regular expression that must match the whole path (`re.fullmatch`), see [`PyRegex`](crate::PyRegex).
    Pattern(String),
    /// Every linear layer but the output layer. Means something only as `target_modules`.
    AllLinear,
}

/// PEFT's `INCLUDE_LINEAR_LAYERS_SHORTHAND`.
pub(crate) const ALL_LINEAR: &str = "all-linear";

impl Selector {
    /// Reads a string where `"all-linear"` has its meaning: in `target_modules`.
    fn into_target(self) -> Self {
        match self {
            Self::Pattern(text) if text.eq_ignore_ascii_case(ALL_LINEAR) => Self::AllLinear,
            other => other,
        }
    }

    /// Reads a string where `"all-linear"` is a regular expression like any other.
    pub(crate) fn into_plain(self) -> Self {
        match self {
            Self::AllLinear => Self::Pattern(ALL_LINEAR.to_owned()),
            other => other,
        }
    }

    /// Whether it is all-linear as `target_modules`.
    pub(crate) fn is_all_linear(&self) -> bool {
        self.clone().into_target() == Self::AllLinear
    }

    /// An empty list or string: PEFT takes both as not given.
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

/// Reads `target_modules`: `"all-linear"` is [`Selector::AllLinear`].
impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Plain::deserialize(deserializer).map(|Plain(selector)| selector.into_target())
    }
}

/// A selector where `"all-linear"` has no meaning of its own.
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
