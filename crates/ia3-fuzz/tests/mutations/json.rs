//! Changes of the JSON texts in an input, so that they remain JSON.

use std::ops::Range;

use ia3_fuzz::SEPARATOR;
use proptest::sample::Index;
use serde_json::{Deserializer, Value};

/// Replaces one value of a JSON text in the input by the token: as JSON if it is JSON, and as a text otherwise.
pub(super) fn replace(input: &mut Vec<u8>, at: Index, token: &[u8]) {
    let text = String::from_utf8_lossy(token);
    let token = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()));
    change(input, at, |value| *value = token);
}

/// Adds `count` items to a list or an object of a JSON text in the input, all different.
pub(super) fn grow(input: &mut Vec<u8>, at: Index, count: usize) {
    change(input, at, |value| match value {
        Value::Array(items) => {
            let first = items.first().cloned().unwrap_or_default();
            items.extend((0..count).map(|i| numbered(&first, i)));
        }
        Value::Object(fields) => {
            let first = fields.iter().next().map(|(key, value)| (key.clone(), value.clone()));
            let (key, value) = first.unwrap_or_default();
            fields.extend((0..count).map(|i| (format!("{key}{i}"), numbered(&value, i))));
        }
        _ => {}
    });
}

fn numbered(value: &Value, i: usize) -> Value {
    match value {
        Value::String(text) => Value::String(format!("{text}{i}")),
        other => other.clone(),
    }
}

/// Changes one value of one of the JSON texts.
fn change(input: &mut Vec<u8>, at: Index, change: impl FnOnce(&mut Value)) {
    let mut texts = texts(input);
    if texts.is_empty() {
        return;
    }
    let mut text = texts.swap_remove(at.index(texts.len()));
    let mut left = at.index(count(&text.json));
    if let Some(value) = nth(&mut text.json, &mut left) {
        change(value);
    }
    let written = text.json.to_string().into_bytes();
    if text.has_length {
        let length = (written.len() as u64).to_le_bytes();
        input[text.range.start - length.len()..text.range.start].copy_from_slice(&length);
    }
    input.splice(text.range, written);
}

/// A JSON text in an input: at the start of a part, or behind its length at the start of a safetensors file.
struct Text {
    range: Range<usize>,
    has_length: bool,
    json: Value,
}

fn texts(input: &[u8]) -> Vec<Text> {
    let separators = input.windows(SEPARATOR.len()).enumerate().filter(|(_, window)| *window == SEPARATOR);
    let parts = [0].into_iter().chain(separators.map(|(at, _)| at + SEPARATOR.len()));
    parts.filter_map(|part| text(input, part, false).or_else(|| text(input, part + 8, true))).collect()
}

fn text(input: &[u8], start: usize, has_length: bool) -> Option<Text> {
    let rest = input.get(start..).filter(|rest| matches!(rest.first(), Some(b'{' | b'[')))?;
    let mut values = Deserializer::from_slice(rest).into_iter();
    let json = values.next()?.ok()?;
    Some(Text { range: start..start + values.byte_offset(), has_length, json })
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
