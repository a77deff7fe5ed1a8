//! Running a template whose values may be deep inside each other.

use std::thread;

/// Enough for values and expressions as deep as the limits of a template allow: some hundred bytes for each of 100,000.
const STACK: usize = 256 << 20;
/// A source below this length cannot nest deep by itself.
const SHORT: usize = 4 << 10;

/// Whether a template can make values that are too deep inside each other for the stack of any thread: in a loop it needs a
/// namespace for that, without a loop a long source.
pub(crate) fn is_needed(source: &str) -> bool {
    source.len() > SHORT || source.contains("namespace")
}

/// Runs `code` on a thread with a large stack if `deep`. Dropping a value that is deep inside others takes stack too.
pub(crate) fn run<T: Send>(deep: bool, code: impl FnOnce() -> T + Send) -> Result<T, String> {
    if !deep {
        return Ok(code());
    }
    thread::scope(|scope| {
        let started = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, code);
        let thread = started.map_err(|error| format!("no thread can be started: {error}"))?;
        thread.join().map_err(|_| "its thread panicked".to_string())
    })
}
