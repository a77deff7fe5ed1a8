//! `PyRegex` against what CPython 3.11 says, from a table that `tests/data/re_fullmatch.py` wrote.

use std::time::{Duration, Instant};

use ia3_config::{ConfigError, PyRegex};
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
    serde_json::from_str(include_str!("../data/re_fullmatch.json")).unwrap()
}

/// Python accepts these, we refuse them: Rust's engines would silently read them otherwise, or not at all.
#[rustfmt::skip]
const REFUSED: &[&str] = &[
    "[[a]", "[[a]]", "[[:alpha:]]", "[[:alpha:]]+", "[a&&b]", "[a~~b]", "[+--]",
    r"\<k\>", r"[\1]", r"\0", r"\07", r"\061", r"\141", r"\N{DIGIT ONE}",
    r"\b{start}k", r"k\B{", "a(?#comment)+", "(?a)k",
];

fn compare(case: &Case, keys: &[String]) -> Result<(), String> {
    let pattern = case.pattern.as_str();
    let compiled = PyRegex::new(pattern);
    match (&case.matches, compiled) {
        (None, Err(_)) => Ok(()),
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

fn fullmatch(pattern: &str, text: &str) -> Result<bool, ConfigError> {
    PyRegex::new(pattern)?.fullmatch(text)
}

#[test]
fn a_catastrophic_pattern_runs_in_linear_time() {
    let start = Instant::now();
    assert!(!fullmatch("(a+)+$", &format!("{}b", "a".repeat(5000))).unwrap());
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}

#[test]
fn too_much_backtracking_is_an_error_and_not_a_mismatch() {
    let text = format!("{}b", "a".repeat(60));
    for pattern in [r"(a|aa)+\1$", "(?:(?!x)a+)+", r"(?=(a|aa)+(?=c)).*"] {
        let start = Instant::now();
        let error = fullmatch(pattern, &text).expect_err(pattern);
        assert!(matches!(error, ConfigError::PatternTooSlow { .. }), "{pattern}: {error}");
        assert!(start.elapsed() < Duration::from_secs(3), "{pattern}: {:?}", start.elapsed());
    }
}

#[test]
fn refusals_say_what_to_write_instead() {
    let message = |pattern| PyRegex::new(pattern).unwrap_err().to_string();
    assert!(message("[a&&b]").contains("`&&` is a set operation in Rust; escape the characters"));
    assert!(message("[[:alpha:]]").contains(r"write `\[`"));
    assert!(message(r"\<k\>").contains(r"`\<` is a word boundary in Rust"));
    assert!(message(r"\N{DIGIT ONE}").contains("write the character"));
    assert!(message("a)(?:b").contains("closes no group"));
    assert!(message("a**").contains("repeats a repetition"));
    assert!(message(r"\pL").contains("not an escape of Python"));
    assert!(message("k(?i)").contains("must stand at the start"));
}

#[test]
fn a_syntax_error_is_one_line() {
    for pattern in ["(k", "[b-a]", "(?=k", r"(a)\2", "a{9999999}", "((((a{99}){99}){99}){99}){99}"] {
        let error = PyRegex::new(pattern).unwrap_err();
        assert!(matches!(error, ConfigError::InvalidPattern { .. }), "{error}");
        assert_eq!(error.to_string().lines().count(), 1, "{error}");
    }
}
