//! Names in messages: the first few of a list, the one that looks most alike.

use std::fmt::Display;

use crate::error_parts::Missing;

const SHOWN: usize = 3;

/// The first few of `items`, and how many more there are.
pub(crate) fn first_few<T: Display>(items: &[T]) -> String {
    let shown: Vec<String> = items.iter().take(SHOWN).map(T::to_string).collect();
    match items.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `1 tensor`, `2 tensors`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// `2.4 kB`, `242.0 MB`; bytes below a thousand as they are.
pub(crate) fn bytes(n: u64) -> String {
    let units = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    match units.iter().find(|(size, _)| n as f64 >= *size) {
        Some((size, unit)) => format!("{:.1} {unit}", n as f64 / size),
        None => count(n as usize, "byte"),
    }
}

/// The name among `known` that looks most like `name`, if one does at all and `name` itself is not known.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let scored = known.into_iter().map(|other| (strsim::jaro(name, other), other));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(score, other)| *score > 0.7 && *other != name).map(|(_, other)| other.to_string())
}

/// Each name with the one of `known` that looks most like it; only the first few, which messages show, are compared.
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
    fn long_lists_are_cut() {
        assert_eq!(first_few(&["a", "b"]), "a, b");
        assert_eq!(first_few(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
    }

    #[test]
    fn sizes_are_readable() {
        let texts = [1, 999, 3_800, 242_000_000, 11_300_000_000].map(bytes);
        assert_eq!(texts, ["1 byte", "999 bytes", "3.8 kB", "242.0 MB", "11.3 GB"]);
    }

    #[test]
    fn the_nearest_name_is_one_that_resembles() {
        assert_eq!(
            nearest("lm_heat.weight", ["shared.weight", "lm_head.weight"]),
            Some("lm_head.weight".into())
        );
        assert_eq!(nearest("xyz", ["shared.weight"]), None);
    }
}
