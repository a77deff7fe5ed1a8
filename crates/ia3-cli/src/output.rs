//! What the program prints: reports on standard output; errors and notes on standard error.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ia3_guard::{escape_json, escape_lines};
use serde::Serialize;

use crate::args::Format;
use crate::hint;

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

fn write_report<R: Display + Serialize>(report: &R, format: Format, to: impl Write) -> anyhow::Result<()> {
    let text = match format {
        Format::Text => escape_lines(&report.to_string()).into_owned(),
        Format::Json => escape_json(&serde_json::to_string_pretty(report)?).into_owned(),
    };
    write_line(&text, to)
}

/// Prints generated texts in the place of a report. On a terminal they are escaped, because a model can write what moves the
/// cursor; a file or a pipe gets them as they are.
pub(crate) fn generated_on(text: &str, out: Option<&Path>) -> anyhow::Result<()> {
    match out.is_some_and(ia3::io::is_stdout) {
        true => write_line(&for_terminal(text, std::io::stderr().is_terminal()), std::io::stderr()),
        false => write_line(&for_terminal(text, std::io::stdout().is_terminal()), std::io::stdout()),
    }
}

fn for_terminal(text: &str, is_terminal: bool) -> Cow<'_, str> {
    if is_terminal { escape_lines(text) } else { text.into() }
}

fn write_line(text: &str, mut to: impl Write) -> anyhow::Result<()> {
    match writeln!(to, "{text}") {
        // A reader such as `head` may close the pipe early, which is not an error.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Prints an error and its causes on standard error, and the option that may help. A cause that the lines above already contain
/// is left out.
pub(crate) fn error(error: &anyhow::Error) {
    let mut said = error.to_string();
    on_stderr(format_args!("error: {}", shown(&said)));
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !said.contains(&cause) {
            on_stderr(format_args!("  because: {}", shown(&cause)));
            said = cause;
        }
    }
    if let Some(hint) = hint::of(error) {
        on_stderr(format_args!("  hint: {hint}"));
    }
}

/// How much the program says beside reports and errors. It is set once, before a command runs.
static QUIET: AtomicBool = AtomicBool::new(false);
static VERBOSE: AtomicBool = AtomicBool::new(false);

/// Follows `--quiet` and `--verbose`.
pub(crate) fn set_volume(quiet: bool, verbose: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
    VERBOSE.store(verbose, Ordering::Relaxed);
}

pub(crate) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

pub(crate) fn is_verbose() -> bool {
    VERBOSE.load(Ordering::Relaxed)
}

/// Prints a note to the user on standard error.
pub(crate) fn note(text: impl Display) {
    say(format_args!("note: {}", shown(&text.to_string())));
}

/// Prints a line about the progress of the work on standard error.
pub(crate) fn say(line: impl Display) {
    if !is_quiet() {
        on_stderr(line);
    }
}

/// Prints a line on standard error. One that takes nothing, such as a file on a full disk, is no reason to stop.
pub(crate) fn on_stderr(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Prints a line on standard output, at once also where it is a pipe.
#[cfg(feature = "serve")]
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    write_line(&escape_lines(text), std::io::stdout())?;
    Ok(std::io::stdout().flush()?)
}

/// Prints bytes on standard output as they are.
pub(crate) fn raw(bytes: &[u8]) -> anyhow::Result<()> {
    match std::io::stdout().write_all(bytes) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// A message as the terminal may see it. Messages escape what comes from files themselves; this is the second line of defence,
/// and the limit for what other crates say.
fn shown(message: &str) -> String {
    const MAX: usize = 10_000;
    let cut = message.char_indices().nth(MAX).map_or(message, |(end, _)| &message[..end]);
    format!("{}{}", escape_lines(cut), if cut.len() < message.len() { "…" } else { "" })
}

/// Prints a value as one line of JSON on standard output.
pub(crate) fn json_line(value: &impl Serialize) -> anyhow::Result<()> {
    write_line(&escape_json(&serde_json::to_string(value)?), std::io::stdout())
}

/// Ends the line of the pieces before it.
pub(crate) fn piece_end() -> anyhow::Result<()> {
    write_line("", std::io::stdout())
}

/// Prints a piece of generated text on standard output at once, escaped as by [`generated_on`].
pub(crate) fn piece(text: &str) {
    let mut out = std::io::stdout();
    let text = for_terminal(text, out.is_terminal());
    // A reader may close the pipe early, which is not an error.
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}
