//! Text helpers for error messages and reports: counts, sizes, the first few names of a list.

pub(crate) use ia3_guard::SHOWN;
pub use ia3_guard::first_few;
use ia3_guard::quote;

/// As [`first_few`], each name in backquotes.
pub fn first_few_quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", quote(name))).collect();
    first_few(&quoted)
}

/// The first few names that were found, or `nothing`.
pub fn found_names(found: &[String]) -> String {
    // Locks and temporary files of this program are no content of a folder.
    let own = |name: &&String| name.starts_with('.') && name.contains(".ia3-");
    let others: Vec<&String> = found.iter().filter(|name| !own(name)).collect();
    if others.is_empty() { "nothing".to_string() } else { first_few(&others) }
}

/// `1 tensor`, `2 tensors`.
pub fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// `2.4 kB`, `242.0 MB`; fewer than 1000 bytes are counted.
pub(crate) fn bytes(n: u64) -> String {
    let units = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    match units.iter().find(|(size, _)| n as f64 >= *size) {
        Some((size, unit)) => format!("{:.1} {unit}", n as f64 / size),
        None => count(n as usize, "byte"),
    }
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
    fn locks_and_temporary_files_are_not_listed() {
        let names =
            |names: &[&str]| found_names(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(names(&[".out.ia3-lock", "a", ".hidden"]), "a, .hidden");
        assert_eq!(names(&[".out.ia3-lock"]), "nothing");
    }

    #[test]
    fn sizes_are_readable() {
        let texts = [1, 999, 3_800, 242_000_000, 11_300_000_000].map(bytes);
        assert_eq!(texts, ["1 byte", "999 bytes", "3.8 kB", "242.0 MB", "11.3 GB"]);
    }
}
