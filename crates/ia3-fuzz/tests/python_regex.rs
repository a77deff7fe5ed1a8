//! `PyRegex` against Python's `re.fullmatch`, on patterns that are drawn at random.
//!
//! The patterns are the same in every run; `IA3_FUZZ_SEED` chooses others, and `IA3_FUZZ_PATTERNS` their number.

mod patterns;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use ia3_config::{ConfigError, PyRegex};
use ia3_testing::skip;
use patterns::{Drawn, draw};
use serde_json::{Value, json};

/// What `re.fullmatch` says, from a process that answers line by line.
struct Python {
    process: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Python {
    /// `None` without Python 3.11 or later; earlier ones lack possessive quantifiers.
    fn start() -> Option<Self> {
        let is_new = "import sys; sys.exit(sys.version_info < (3, 11))";
        Command::new("python3").args(["-c", is_new]).status().ok().filter(|status| status.success())?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/re_fullmatch.py");
        let mut command = Command::new("python3");
        let mut process =
            command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python starts");
        let answers = BufReader::new(process.stdout.take().expect("its output is a pipe"));
        Some(Self { questions: process.stdin.take(), process, answers })
    }

    fn answer(&mut self, drawn: &Drawn) -> Value {
        let questions = self.questions.as_mut().expect("the process runs");
        writeln!(questions, "{}", json!([drawn.pattern, drawn.texts])).expect("Python reads");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("Python answers");
        serde_json::from_str(&line).expect("the answer is JSON")
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        self.questions = None;
        let _ = self.process.wait();
    }
}

/// How an answer compares with Python's.
enum Compared {
    Same,
    /// We refuse what Python reads, by name.
    Refused,
    /// One of the two gave up.
    Slow,
    Different(String),
}

fn compare(drawn: &Drawn, python: &Value) -> Compared {
    let pattern = drawn.pattern.as_str();
    let regex = match (PyRegex::new(pattern), python) {
        (_, Value::String(_)) => return Compared::Slow,
        (Err(_), Value::Null) => return Compared::Same,
        (Err(_), _) => return Compared::Refused,
        (Ok(_), Value::Null) => return Compared::Different(format!("{pattern:?}: Python refuses it")),
        (Ok(regex), _) => regex,
    };
    for (text, expected) in drawn.texts.iter().zip(python.as_array().into_iter().flatten()) {
        match regex.fullmatch(text) {
            Ok(found) if Value::Bool(found) == *expected => {}
            Err(ConfigError::PatternTooSlow { .. }) => return Compared::Slow,
            other => {
                return Compared::Different(format!(
                    "{pattern:?} on {text:?}: {other:?}, Python: {expected}"
                ));
            }
        }
    }
    Compared::Same
}

#[test]
fn agrees_with_python_on_random_patterns() {
    let Some(mut python) = Python::start() else {
        return skip("python3 is not here, or is older than 3.11");
    };
    let (mut same, mut refused, mut slow, mut different) = (0, 0, 0, vec![]);
    for drawn in draw(number("IA3_FUZZ_PATTERNS", 20_000) as usize, number("IA3_FUZZ_SEED", 0)) {
        match compare(&drawn, &python.answer(&drawn)) {
            Compared::Same => same += 1,
            Compared::Refused => refused += 1,
            Compared::Slow => slow += 1,
            Compared::Different(line) => different.push(line),
        }
    }
    println!(
        "{same} as Python, {refused} that Python reads and we refuse, {slow} slow, {} different",
        different.len()
    );
    different.sort_by_key(String::len);
    assert!(different.is_empty(), "{}", different[..different.len().min(20)].join("\n"));
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a whole number"))
}
