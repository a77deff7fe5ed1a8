//! Finds the names of a model that are most similar to a name that matched nothing.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use crate::matcher::{Matcher, Rule, suffixes};
use crate::selector::ALL_LINEAR;
use crate::unmatched::{Field, Nearest, Unmatched};
use crate::{ConfigError, Selector};

const SHOWN: usize = 3;
/// How many names that match nothing are compared with those of the model; a report on more of them gives no advice.
const SUGGESTED: usize = 20;
/// How many names of the model they are compared with.
const MAX_KNOWN: usize = 20_000;
/// The longest name that is compared, in bytes.
const MAX_NAME: usize = 256;

/// The likeness above which one of two names may be a misspelling of the other.
const SIMILAR: f64 = 0.7;

/// A search for the names that the user may have meant, among the paths that a field can name.
pub(crate) struct Search<'m> {
    field: Field,
    pub(crate) paths: Vec<&'m str>,
    /// How many names have been compared.
    compared: Cell<usize>,
}

impl<'m> Search<'m> {
    pub(crate) fn new(field: Field, paths: impl IntoIterator<Item = &'m str>) -> Self {
        let paths = paths.into_iter().collect();
        Self { field, paths, compared: Cell::new(0) }
    }

    /// The report on a name or pattern that matched nothing.
    pub(crate) fn report(&self, pattern: &str, is_regex: bool) -> Unmatched {
        let name = if is_regex { last_word(pattern) } else { pattern };
        let compared = self.compared.replace(self.compared.get() + 1);
        let closest = if compared < SUGGESTED { self.nearest(name) } else { Vec::new() };
        Unmatched { field: self.field, pattern: pattern.to_owned(), is_regex, closest }
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
        rule: Rule,
    ) -> Result<Vec<Unmatched>, ConfigError> {
        let Some(selector) = selector.filter(|selector| !selector.is_empty()) else { return Ok(Vec::new()) };
        if let Selector::Names(names) = selector {
            let found = found(paths, rule, |name| names.contains(name));
            let missing = names.iter().filter(|name| !found.contains(name.as_str()));
            return Ok(missing.map(|name| self.report(name, false)).collect());
        }
        let matcher = Matcher::new(selector)?;
        match any(paths, |path| matcher.selects_by(rule, path))? {
            true => Ok(Vec::new()),
            false => Ok(self.report_all(selector)),
        }
    }

    fn nearest(&self, name: &str) -> Vec<Nearest> {
        if name.len() > MAX_NAME {
            return Vec::new();
        }
        let segments = name.split('.').count();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for path in &self.paths {
            for suffix in suffixes(path).filter(|suffix| suffix.split('.').count() <= segments) {
                *counts.entry(suffix).or_default() += 1;
            }
        }
        let known = counts.into_iter().filter(|(other, _)| other.len() <= MAX_NAME).take(MAX_KNOWN);
        let scored = |(other, modules)| (likeness(name, other), other, modules);
        let mut scored: Vec<(f64, &str, usize)> = known.map(scored).collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.2.cmp(&a.2)));
        let best = scored.into_iter().take(SHOWN);
        let owned = best.map(|(_, name, modules)| (name.to_owned(), modules));
        owned.map(|(name, modules)| Nearest { name, modules }).collect()
    }
}

/// The names that select one of the paths, of those that `is_name` knows.
pub(crate) fn found<'m>(paths: &[&'m str], rule: Rule, is_name: impl Fn(&str) -> bool) -> BTreeSet<&'m str> {
    paths.iter().flat_map(|path| rule.names(path)).filter(|name| is_name(name)).collect()
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

/// The name in `known` that is most similar to `name`, or `None` if `known` is empty. The first 20,000 names of at most 256
/// bytes are compared.
///
/// ```
/// let nearest = ia3_config::nearest_name("lm_heat", ["shared", "lm_head"]);
/// assert_eq!(nearest, Some("lm_head"));
/// ```
pub fn nearest_name<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > MAX_NAME {
        return None;
    }
    let known = known.into_iter().filter(|other| other.len() <= MAX_NAME).take(MAX_KNOWN);
    let scored = known.map(|other| (likeness(name, other), other));
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, other)| other)
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
