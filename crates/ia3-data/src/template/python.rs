//! Values as Python writes them, and the methods of Python's values.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Output, State, UndefinedBehavior, Value};
use minijinja_contrib::pycompat::unknown_method_callback;

/// Writes a value as `{{ value }}` writes it in Jinja2.
pub(crate) fn formatter(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_undefined() && state.undefined_behavior() == UndefinedBehavior::Strict {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    out.write_str(&text(value)?).map_err(|e| Error::new(ErrorKind::WriteFailure, e.to_string()))
}

/// The largest text that a value is written as.
const MAX_WRITTEN: usize = 16 << 20;
/// How deep lists and dictionaries may be inside each other; JSON data have less.
const MAX_DEPTH: usize = 200;

/// Python's `str`.
pub(crate) fn text(value: &Value) -> Result<String, Error> {
    match value.as_str() {
        Some(text) => Ok(text.into()),
        None => {
            let mut out = String::new();
            repr(value, 0, &mut out)?;
            Ok(out)
        }
    }
}

/// Writes Python's `repr`. A few lists inside each other can stand for more text than there is memory, so it is limited.
fn repr(value: &Value, depth: usize, out: &mut String) -> Result<(), Error> {
    if out.len() > MAX_WRITTEN || depth > MAX_DEPTH {
        let limits = format!("{} MiB and {MAX_DEPTH} lists inside each other", MAX_WRITTEN >> 20);
        let problem = format!("a value is too large to be written; the limits are {limits}");
        return Err(Error::new(ErrorKind::InvalidOperation, problem));
    }
    match value.kind() {
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::None => out.push_str("None"),
        ValueKind::Bool => out.push_str(if value.is_true() { "True" } else { "False" }),
        ValueKind::String => out.push_str(&quoted(value.as_str().unwrap_or_default())),
        ValueKind::Seq | ValueKind::Iterable => {
            list(value, '[', ']', out, |item, out| repr(item, depth + 1, out))?
        }
        ValueKind::Map => list(value, '{', '}', out, |key, out| {
            repr(key, depth + 1, out)?;
            out.push_str(": ");
            repr(&value.get_item(key)?, depth + 1, out)
        })?,
        _ => out.push_str(&value.to_string()),
    }
    Ok(())
}

/// Writes the items between two brackets.
fn list(
    value: &Value,
    open: char,
    close: char,
    out: &mut String,
    mut write: impl FnMut(&Value, &mut String) -> Result<(), Error>,
) -> Result<(), Error> {
    out.push(open);
    for (index, item) in value.try_iter()?.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write(&item, out)?;
    }
    out.push(close);
    Ok(())
}

/// A text in single quotes, or in double quotes if it contains a single quote.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out += "\\\\",
            '\n' => out += "\\n",
            '\r' => out += "\\r",
            '\t' => out += "\\t",
            c if c == quote => out.extend(['\\', c]),
            c if c.is_control() => out += &format!("\\x{:02x}", c as u32),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// The filter `join`, which writes each item as `{{ item }}` does.
pub(crate) fn join(items: Value, between: Option<String>) -> Result<String, Error> {
    let items = items.try_iter()?.map(|item| text(&item)).collect::<Result<Vec<_>, _>>()?;
    Ok(items.join(between.as_deref().unwrap_or_default()))
}

/// The methods of texts, lists and dictionaries, including `index`.
pub(crate) fn method(state: &mut State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    match (name, value.kind(), args) {
        ("index", ValueKind::Seq, [item]) => {
            let position = value.try_iter()?.position(|other| other == *item);
            let missing = || Error::new(ErrorKind::InvalidOperation, format!("{item} is not in the list"));
            position.map(Value::from).ok_or_else(missing)
        }
        _ => unknown_method_callback(state, value, name, args),
    }
}
