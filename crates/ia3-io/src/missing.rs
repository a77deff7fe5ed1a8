//! Names that were looked for and not found, each with the most similar name that exists.

use std::fmt;

use ia3_config::similar_name;
use ia3_guard::quote;

use crate::text::SHOWN;

/// A name that was looked for and not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The name.
    pub name: String,
    /// The most similar name that exists. In a list, it is looked up only for the first few names.
    pub nearest: Option<String>,
}

/// Writes the name and its most similar name, such as `` `lm_heat.weight` (closest: `lm_head.weight`) ``.
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`{}", quote(&self.name), closest(&self.nearest))
    }
}

pub(crate) fn closest(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|n| format!(" (closest: `{}`)", quote(n))).unwrap_or_default()
}

/// Each name with the most similar name in `known`. Only the first few names are compared, because messages show no more.
pub(crate) fn nearest_of_each<'a>(
    names: &[String],
    known: impl Iterator<Item = &'a str> + Clone,
) -> Vec<Missing> {
    let search = |(i, name): (usize, &String)| {
        let nearest = if i < SHOWN { similar_name(name, known.clone()) } else { None };
        Missing { name: name.clone(), nearest: nearest.map(str::to_owned) }
    };
    names.iter().enumerate().map(search).collect()
}
