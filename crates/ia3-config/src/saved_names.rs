//! `modules_to_save`: which paths lie in a module that is saved whole.

use std::collections::{BTreeMap, BTreeSet};

use crate::{ConfigError, PyRegex};

/// How many names may be regular expressions with more than dots, each of which is compiled.
const MAX_PATTERNS: usize = 100;
/// The size of one of them when it is compiled, in bytes.
const MAX_COMPILED: usize = 1 << 20;
/// How many different arrangements of dots the names may have.
const MAX_SHAPES: usize = 1_000;

/// The names, ready to be asked about paths.
///
/// PEFT takes each name as an unescaped regular expression and looks for it among the segments of the path with `re.match`
/// (`tuners/tuners_utils.py`). Most names are plain, so they are looked up in sets: a dot in them stands for any character.
#[derive(Default)]
pub(crate) struct SavedNames {
    /// By length in characters and positions of the dots: the names, with a dot at each such position.
    plain: BTreeMap<usize, BTreeMap<Vec<usize>, BTreeSet<String>>>,
    patterns: Vec<PyRegex>,
}

impl SavedNames {
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a String>) -> Result<Self, ConfigError> {
        let mut saved = Self::default();
        let (mut shapes, mut patterns) = (0, BTreeSet::new());
        for name in names {
            if name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.')) {
                shapes += usize::from(saved.add(name));
            } else {
                patterns.insert(name);
            }
        }
        for (found, limit, what) in [
            (patterns.len(), MAX_PATTERNS, "regular expressions"),
            (shapes, MAX_SHAPES, "arrangements of dots"),
        ] {
            if found > limit {
                return Err(ConfigError::TooManySaved { found, limit, what });
            }
        }
        let compile = |name: &String| PyRegex::prefix(&format!(r"(^|.*\.){name}($|\..*)"), MAX_COMPILED);
        saved.patterns = patterns.into_iter().map(compile).collect::<Result<_, _>>()?;
        Ok(saved)
    }

    /// Adds a plain name; returns whether it has a new arrangement of dots.
    fn add(&mut self, name: &str) -> bool {
        let dots: Vec<usize> = name.chars().enumerate().filter(|(_, c)| *c == '.').map(|(i, _)| i).collect();
        let shapes = self.plain.entry(name.chars().count()).or_default();
        let is_new = !shapes.contains_key(&dots);
        shapes.entry(dots).or_default().insert(name.to_owned());
        is_new
    }

    /// Whether the path is a saved module or lies in one.
    pub(crate) fn contain(&self, path: &str) -> Result<bool, ConfigError> {
        if self.has_plain(path) {
            return Ok(true);
        }
        for pattern in &self.patterns {
            if pattern.is_match(path)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn has_plain(&self, path: &str) -> bool {
        let chars: Vec<char> = path.chars().collect();
        let starts = (0..=chars.len()).filter(|&i| i == 0 || chars[i - 1] == '.');
        let lengths = |start: usize| self.plain.range(..=chars.len() - start);
        starts.into_iter().any(|start| {
            lengths(start).any(|(length, shapes)| {
                let rest = &chars[start..];
                (rest.len() == *length || rest[*length] == '.') && any_of(shapes, &rest[..*length])
            })
        })
    }
}

/// Whether a name fits the characters, where a dot in it stands for any character but a line break.
fn any_of(shapes: &BTreeMap<Vec<usize>, BTreeSet<String>>, chars: &[char]) -> bool {
    shapes.iter().any(|(dots, names)| {
        let mut text = chars.to_vec();
        let fits = dots.iter().all(|&dot| text[dot] != '\n');
        dots.iter().for_each(|&dot| text[dot] = '.');
        fits && names.contains(&text.into_iter().collect::<String>())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contain(names: &[&str], path: &str) -> bool {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        SavedNames::new(&names).unwrap().contain(path).unwrap()
    }

    #[test]
    fn plain_names_agree_with_the_pattern_that_peft_makes_of_them() {
        let names = ["a", "b.c", "a.b", "x-y", "ab", ".", "", "b..", "é"];
        let paths =
            ["a", "a.b", "a.b.c", "b.c", "bxc", "x.bxc.d", "x-y.z", "ab", "b", "c.ab", "a.b.", "é.a", "b.cd"];
        for name in names {
            let pattern = PyRegex::prefix(&format!(r"(^|.*\.){name}($|\..*)"), 1 << 20).unwrap();
            for path in paths {
                let expected = pattern.is_match(path).unwrap();
                assert_eq!(contain(&[name], path), expected, "{name:?} in {path:?}");
            }
        }
    }

    #[test]
    fn many_names_are_looked_up_and_many_patterns_are_refused() {
        let names: Vec<String> = (0..300_000).map(|i| format!("layers.{i}.norm")).collect();
        assert!(SavedNames::new(&names).unwrap().contain("model.layers.299999.norm.weight").unwrap());
        let patterns: Vec<String> = (0..101).map(|i| format!("a{{{i}}}")).collect();
        let refused = SavedNames::new(&patterns).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(refused.contains("101 regular expressions, more than the limit of 100"), "{refused}");
        let large = SavedNames::new(&["(a{1000}){1000}".to_owned()]);
        assert!(large.err().unwrap().to_string().contains("size limit"));
    }
}
