//! A pattern of Python's `re`, and a text to match.

use ia3_config::{ConfigError, PyRegex};

use crate::input::{join, parts};
use crate::target::Target;

/// The pattern, and the text.
pub const TARGET: Target = Target {
    name: "regex",
    run,
    seeds,
    tokens: &[
        "a",
        ".",
        "*",
        "+",
        "?",
        "|",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "{2}",
        "{,2}",
        "^",
        "$",
        "\\",
        "-",
        "&&",
        "#",
        "(?:",
        "(?=",
        "(?!",
        "(?<=",
        "(?<!",
        "(?P<n>",
        "(?P=n)",
        "(?>",
        "(?#",
        "(?(1)",
        "(?(n)",
        "(?i)",
        "(?x)",
        "(?-i:",
        "\\d",
        "\\b",
        "\\B",
        "\\Z",
        "\\A",
        "\\1",
        "\\x61",
        "[^",
        "[:alpha:]",
        "{1000}",
        "*+",
        "++",
    ],
};

fn run(data: &[u8]) {
    let [pattern, text] = parts(data);
    let (Ok(pattern), Ok(text)) = (std::str::from_utf8(pattern), std::str::from_utf8(text)) else { return };
    match PyRegex::new(pattern).and_then(|regex| regex.fullmatch(text)) {
        Ok(_)
        | Err(
            ConfigError::InvalidPattern { .. }
            | ConfigError::UnsupportedPattern { .. }
            | ConfigError::PatternTooLong { .. }
            | ConfigError::PatternTooSlow { .. },
        ) => {}
        Err(error) => panic!("another error than one of a pattern: {error}"),
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let table = include_str!("../../../ia3-config/tests/data/re_fullmatch.json");
    let table: serde_json::Value = serde_json::from_str(table).expect("the table is JSON");
    let patterns =
        table["cases"].as_array().into_iter().flatten().filter_map(|case| case["pattern"].as_str());
    let texts: Vec<&str> =
        table["keys"].as_array().into_iter().flatten().filter_map(|key| key.as_str()).collect();
    patterns
        .enumerate()
        .map(|(i, pattern)| join(&[pattern.as_bytes(), texts[i % texts.len()].as_bytes()]))
        .collect()
}
