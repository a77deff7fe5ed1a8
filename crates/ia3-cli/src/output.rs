//! What the program prints: reports on standard output; errors and notes on standard error.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::Serialize;

use crate::args::Format;

/// Prints a report on standard output, as text or as JSON.
pub(crate) fn report<R: Display + Serialize>(report: &R, format: Format) -> anyhow::Result<()> {
    write_report(report, format, std::io::stdout())
}

/// Prints the report of a command that writes the file `out`: on standard error if that is the standard output, such as
/// `/dev/stdout`.
pub(crate) fn report_on<R: Display + Serialize>(
    report: &R,
    format: Format,
    out: &Path,
) -> anyhow::Result<()> {
    match ia3::io::is_stdout(out) {
        true => write_report(report, format, std::io::stderr()),
        false => write_report(report, format, std::io::stdout()),
    }
}

fn write_report<R: Display + Serialize>(
    report: &R,
    format: Format,
    mut to: impl Write,
) -> anyhow::Result<()> {
    let text = match format {
        Format::Text => report.to_string(),
        Format::Json => serde_json::to_string_pretty(report)?,
    };
    match writeln!(to, "{text}") {
        // A reader such as `head` may close the pipe early, which is not an error.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Prints an error and its causes on standard error. A cause that the lines above already contain is left out.
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

/// Prints a note to the user on standard error.
pub(crate) fn note(text: impl Display) {
    eprintln!("note: {text}");
}

/// Prints a piece of generated text on standard output at once.
pub(crate) fn piece(text: &str) {
    let mut out = std::io::stdout();
    // A reader may close the pipe early, which is not an error.
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}
