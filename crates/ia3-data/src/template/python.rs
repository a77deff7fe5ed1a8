//! Values as Python writes them, and the methods of Python's values.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Output, State, UndefinedBehavior, Value};
use minijinja_contrib::pycompat::unknown_method_callback;

/// Writes a value as `{{ value }}` writes it in Jinja2.
pub(super) fn formatter(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_undefined() && state.undefined_behavior() == UndefinedBehavior::Strict {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    out.write_str(&text(value)?).map_err(|e| Error::new(ErrorKind::WriteFailure, e.to_string()))
}

/// Python's `str`.
pub(super) fn text(value: &Value) -> Result<String, Error> {
    match value.as_str() {
        Some(text) => Ok(text.into()),
        None => repr(value),
    }
}

/// Python's `repr`.
fn repr(value: &Value) -> Result<String, Error> {
    let items = || -> Result<Vec<Value>, Error> { Ok(value.try_iter()?.collect()) };
    Ok(match value.kind() {
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::None => "None".into(),
        ValueKind::Bool if value.is_true() => "True".into(),
        ValueKind::Bool => "False".into(),
        ValueKind::String => quoted(value.as_str().unwrap_or_default()),
        ValueKind::Seq | ValueKind::Iterable => {
            let items = items()?.iter().map(repr).collect::<Result<Vec<_>, _>>()?;
            format!("[{}]", items.join(", "))
        }
        ValueKind::Map => {
            let pair = |key: &Value| Ok(format!("{}: {}", repr(key)?, repr(&value.get_item(key)?)?));
            let pairs = items()?.iter().map(pair).collect::<Result<Vec<_>, Error>>()?;
            format!("{{{}}}", pairs.join(", "))
        }
        _ => value.to_string(),
    })
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
pub(super) fn join(items: Value, between: Option<String>) -> Result<String, Error> {
    let items = items.try_iter()?.map(|item| text(&item)).collect::<Result<Vec<_>, _>>()?;
    Ok(items.join(between.as_deref().unwrap_or_default()))
}

/// The methods of texts, lists and dictionaries, including `index`.
pub(super) fn method(state: &mut State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    match (name, value.kind(), args) {
        ("index", ValueKind::Seq, [item]) => {
            let position = value.try_iter()?.position(|other| other == *item);
            let missing = || Error::new(ErrorKind::InvalidOperation, format!("{item} is not in the list"));
            position.map(Value::from).ok_or_else(missing)
        }
        _ => unknown_method_callback(state, value, name, args),
    }
}
