//! Tests of inputs that must be refused with an exact message, from cases in JSON files.

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use serde::de::DeserializeOwned;

use crate::files::{fixture, names};

/// One input that must be refused.
pub trait BadInput: DeserializeOwned + Send + 'static {
    /// The name of the case.
    fn name(&self) -> &str;

    /// The message with which the input must be refused. `DIR` in it stands for the folder of the case, `FIXTURES` for the
    /// parity corpus.
    fn expected(&self) -> String;

    /// Writes the files of the case into the folder `dir`, and returns the path of the input.
    fn write(&self, dir: &Path) -> PathBuf;

    /// Opens the input, and returns the message of the error. `dir` is the folder of the case.
    fn open(&self, input: &Path, dir: &Path) -> Option<String>;
}

/// Runs the cases in the JSON files of `folder`, one test per case. Each case must be refused with its message, and must not
/// leave files behind.
///
/// # Panics
///
/// Panics if a file does not hold a list of cases.
pub fn run_bad_inputs<C: BadInput>(folder: &Path) -> ! {
    let files = names(folder).into_iter().filter(|name| name.ends_with(".json"));
    let trials = files.flat_map(|name| trials::<C>(&folder.join(name))).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit()
}

fn trials<C: BadInput>(file: &Path) -> Vec<Trial> {
    let group = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let text = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let cases: Vec<C> =
        serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let trial = |case: C| Trial::test(format!("{group}::{}", case.name()), move || check(&case));
    cases.into_iter().map(trial).collect()
}

fn check<C: BadInput>(case: &C) -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let input = case.write(dir.path());
    let before = names(dir.path());
    let error = case.open(&input, dir.path()).ok_or("the input was accepted")?;
    let fixtures = fixture("").display().to_string();
    let found = error
        .replace(&dir.path().display().to_string(), "DIR")
        .replace(fixtures.trim_end_matches('/'), "FIXTURES");
    let expected = case.expected();
    if found != expected {
        return Err(format!("found    {found}\nexpected {expected}").into());
    }
    match names(dir.path()) == before {
        true => Ok(()),
        false => Err("files were left behind".into()),
    }
}

/// The bytes of a text in the syntax of a byte string of Rust, such as `\\x80\\x02}q`.
///
/// # Panics
///
/// Panics if a backslash does not begin an escape of this syntax.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = vec![];
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match (byte, byte == b'\\') {
            (_, false) => byte,
            (_, true) => match rest.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                Some(b'x') => {
                    let digits: Vec<u8> = rest.by_ref().take(2).collect();
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                other => other.expect("a character after the backslash"),
            },
        });
    }
    bytes
}
