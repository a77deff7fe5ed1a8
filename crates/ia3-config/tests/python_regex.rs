//! `PyRegex` against what CPython 3.11 says, from a table that `tests/data/re_fullmatch.py` wrote.

use ia3_config::PyRegex;
use serde::Deserialize;

#[derive(Deserialize)]
struct Table {
    keys: Vec<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    pattern: String,
    matches: Option<Vec<String>>,
}

fn table() -> Table {
    serde_json::from_str(include_str!("data/re_fullmatch.json")).unwrap()
}

/// Python accepts these, we refuse them: Rust's engines would silently read them otherwise, or not at all.
#[rustfmt::skip]
const REFUSED: &[&str] = &[
    "[[a]", "[[a]]", "[[:alpha:]]", "[[:alpha:]]+", "[a&&b]", "[a~~b]", "[+--]",
    r"\<k\>", r"[\1]", r"\0", r"\07", r"\061", r"\141", r"\N{DIGIT ONE}",
    r"\b{start}k", r"k\B{", "a(?#comment)+", "(?a)k",
];

/// Python refuses these, we read them: look-behind of no fixed width, and a condition on a group that does not exist.
const LENIENT: &[&str] = &["a(?<=a|bc)b", "(?<=a+)b", "(a)(?(2)b|c)"];

fn compare(case: &Case, keys: &[String]) -> Result<(), String> {
    let pattern = case.pattern.as_str();
    let compiled = PyRegex::new(pattern);
    match (&case.matches, compiled) {
        (None, Err(_)) => Ok(()),
        (None, Ok(_)) if LENIENT.contains(&pattern) => Ok(()),
        (None, Ok(_)) => Err(format!("{pattern:?}: accepted, Python refuses it")),
        (Some(_), Err(_)) if REFUSED.contains(&pattern) => Ok(()),
        (Some(_), Err(error)) => Err(format!("{pattern:?}: {error}")),
        (Some(_), Ok(_)) if REFUSED.contains(&pattern) => Err(format!("{pattern:?}: not refused")),
        (Some(expected), Ok(regex)) => {
            let found: Vec<&String> = keys.iter().filter(|key| regex.fullmatch(key).unwrap()).collect();
            if found.iter().copied().eq(expected) {
                Ok(())
            } else {
                Err(format!("{pattern:?}: {found:?}, Python: {expected:?}"))
            }
        }
    }
}

#[test]
fn agrees_with_python() {
    let Table { keys, cases } = table();
    assert!(cases.len() > 200);
    let differences: Vec<String> = cases.iter().filter_map(|case| compare(case, &keys).err()).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
