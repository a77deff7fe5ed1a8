use std::fmt::Display;
use std::io::{ErrorKind, Write};

use serde::Serialize;

use crate::args::Format;

/// Prints a report on standard output: itself as text, its fields as JSON.
pub(crate) fn report<R: Display + Serialize>(report: &R, format: Format) -> anyhow::Result<()> {
    let text = match format {
        Format::Text => report.to_string(),
        Format::Json => serde_json::to_string_pretty(report)?,
    };
    match writeln!(std::io::stdout(), "{text}") {
        // A reader such as `head` that has seen enough is no failure.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Prints an error and what caused it on standard error, saying nothing twice.
pub(crate) fn error(error: &anyhow::Error) {
    eprintln!("error: {error}");
    let mut said = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !said.contains(&cause) {
            eprintln!("  because: {cause}");
            said = cause;
        }
    }
}

/// Prints what a user should know on standard error.
pub(crate) fn note(text: impl Display) {
    eprintln!("note: {text}");
}

/// Shows a piece of text at once on standard output.
pub(crate) fn piece(text: &str) {
    let mut out = std::io::stdout();
    // Whoever reads it may have seen enough.
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}
