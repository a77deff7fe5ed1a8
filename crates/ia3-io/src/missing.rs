//! Names that were looked for and not found, each with the most similar name that exists.

use std::fmt;

use ia3_guard::quote;

use crate::text::SHOWN;

/// A name that was looked for and not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The name.
    pub name: String,
    /// The most similar name that exists. In a list it is looked up for the first few names only.
    pub nearest: Option<String>,
}

/// `` `lm_heat.weight` (closest: `lm_head.weight`) ``
impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`{}", quote(&self.name), closest(&self.nearest))
    }
}

pub(crate) fn closest(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|n| format!(" (closest: `{}`)", quote(n))).unwrap_or_default()
}

/// How many names are compared.
const MAX_KNOWN: usize = 20_000;
/// The longest name that is compared, in bytes.
const MAX_NAME: usize = 256;

/// The most similar name in `known`, if any is similar enough and it is not `name` itself.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    if name.len() > MAX_NAME {
        return None;
    }
    let known = known.into_iter().filter(|other| other.len() <= MAX_NAME).take(MAX_KNOWN);
    let scored = known.map(|other| (strsim::jaro(name, other), other));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(score, other)| *score > 0.7 && *other != name).map(|(_, other)| other.to_string())
}

/// Each name with the most similar one in `known`. Only the first few names, which messages show, are compared.
pub(crate) fn nearest_of_each<'a>(
    names: &[String],
    known: impl Iterator<Item = &'a str> + Clone,
) -> Vec<Missing> {
    let search = |(i, name): (usize, &String)| {
        let nearest = if i < SHOWN { nearest(name, known.clone()) } else { None };
        Missing { name: name.clone(), nearest }
    };
    names.iter().enumerate().map(search).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_one_that_resembles() {
        assert_eq!(
            nearest("lm_heat.weight", ["shared.weight", "lm_head.weight"]),
            Some("lm_head.weight".into())
        );
        assert_eq!(nearest("xyz", ["shared.weight"]), None);
    }
}
