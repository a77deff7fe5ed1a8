//! Finds the names of a model that are most similar to a name that matched nothing.

use std::collections::BTreeMap;

use crate::matcher::{Matcher, suffixes};
use crate::selector::ALL_LINEAR;
use crate::unmatched::{Field, Nearest, Unmatched};
use crate::{ConfigError, Selector};

const SHOWN: usize = 3;

/// The likeness above which one of two names may be a misspelling of the other.
const SIMILAR: f64 = 0.7;

/// A search for the names that the user may have meant, among the paths that a field can name.
pub(crate) struct Search<'m> {
    field: Field,
    pub(crate) paths: Vec<&'m str>,
}

impl<'m> Search<'m> {
    pub(crate) fn new(field: Field, paths: impl IntoIterator<Item = &'m str>) -> Self {
        let paths = paths.into_iter().collect();
        Self { field, paths }
    }

    /// The report on a name or pattern that matched nothing.
    pub(crate) fn report(&self, pattern: &str, is_regex: bool) -> Unmatched {
        let name = if is_regex { last_word(pattern) } else { pattern };
        Unmatched { field: self.field, pattern: pattern.to_owned(), is_regex, closest: self.nearest(name) }
    }

    /// The reports on a selector that matched nothing.
    pub(crate) fn report_all(&self, selector: &Selector) -> Vec<Unmatched> {
        match selector {
            Selector::Names(names) => names.iter().map(|name| self.report(name, false)).collect(),
            Selector::Pattern(pattern) => vec![self.report(pattern, true)],
            Selector::AllLinear => vec![self.report(ALL_LINEAR, false)],
        }
    }

    /// The reports on those parts of a selector that match none of the paths.
    pub(crate) fn missing(
        &self,
        selector: Option<&Selector>,
        paths: &[&str],
        selects: fn(&Matcher, &str) -> Result<bool, ConfigError>,
    ) -> Result<Vec<Unmatched>, ConfigError> {
        let mut missing = Vec::new();
        for part in selector.into_iter().filter(|selector| !selector.is_empty()).flat_map(parts) {
            let matcher = Matcher::new(&part)?;
            if !any(paths, |path| selects(&matcher, path))? {
                missing.extend(self.report_all(&part));
            }
        }
        Ok(missing)
    }

    fn nearest(&self, name: &str) -> Vec<Nearest> {
        let segments = name.split('.').count();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for path in &self.paths {
            for suffix in suffixes(path).filter(|suffix| suffix.split('.').count() <= segments) {
                *counts.entry(suffix).or_default() += 1;
            }
        }
        let scored = |(other, modules)| (likeness(name, other), other, modules);
        let mut scored: Vec<(f64, &str, usize)> = counts.into_iter().map(scored).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.2.cmp(&a.2)));
        let best = scored.into_iter().take(SHOWN);
        let owned = best.map(|(_, name, modules)| (name.to_owned(), modules));
        owned.map(|(name, modules)| Nearest { name, modules }).collect()
    }
}

/// One selector for each name of a list. A pattern is a single part.
fn parts(selector: &Selector) -> Vec<Selector> {
    match selector {
        Selector::Names(names) => names.iter().map(|name| Selector::from([name.as_str()])).collect(),
        other => vec![other.clone()],
    }
}

fn any(
    paths: &[&str],
    mut selects: impl FnMut(&str) -> Result<bool, ConfigError>,
) -> Result<bool, ConfigError> {
    for path in paths {
        if selects(path)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The last name in a regular expression, such as `q_prj` in `.*\.q_prj$`.
fn last_word(pattern: &str) -> &str {
    let is_separator = |c: char| !(c == '_' || c.is_alphanumeric());
    pattern.rsplit(is_separator).find(|word| !word.is_empty()).unwrap_or(pattern)
}

/// The name in `known` that is most similar to `name`, or `None` if `known` is empty.
///
/// ```
/// let nearest = ia3_config::nearest_name("lm_heat", ["shared", "lm_head"]);
/// assert_eq!(nearest, Some("lm_head"));
/// ```
pub fn nearest_name<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known.into_iter().max_by(|a, b| likeness(name, a).total_cmp(&likeness(name, b)))
}

/// The name in `known` that is most similar to `name`, if it is similar enough to be what the user meant and is not `name`
/// itself. Error messages suggest this name.
///
/// ```
/// let known = ["shared.weight", "lm_head.weight"];
/// assert_eq!(ia3_config::similar_name("lm_heat.weight", known), Some("lm_head.weight"));
/// assert_eq!(ia3_config::similar_name("xyz", known), None);
/// ```
pub fn similar_name<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_name(name, known).filter(|other| likeness(name, other) > SIMILAR && *other != name)
}

/// The Jaro-Winkler similarity of two names, from 0 to 1.
fn likeness(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(a, b)
}
