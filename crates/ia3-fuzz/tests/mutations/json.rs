//! Another value at a place of a JSON text, so that the text remains JSON.

use proptest::sample::Index;
use serde_json::{Deserializer, Value};

/// Replaces one value of the JSON text that the input starts with, if it does, by the token: as JSON if it is JSON, and
/// as a text otherwise.
pub(super) fn replace(input: &mut Vec<u8>, at: Index, token: &[u8]) {
    let mut values = Deserializer::from_slice(input).into_iter::<Value>();
    let Some(Ok(mut json)) = values.next() else { return };
    let end = values.byte_offset();
    let mut left = at.index(count(&json));
    if let Some(place) = nth(&mut json, &mut left) {
        *place = value(token);
    }
    input.splice(..end, json.to_string().into_bytes());
}

fn value(token: &[u8]) -> Value {
    let text = String::from_utf8_lossy(token);
    serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()))
}

/// The number of values in a value, itself included.
fn count(json: &Value) -> usize {
    match json {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

/// The value before which `left` others come.
fn nth<'a>(json: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(json);
    }
    *left -= 1;
    match json {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, left)),
        Value::Object(fields) => fields.values_mut().find_map(|field| nth(field, left)),
        _ => None,
    }
}
