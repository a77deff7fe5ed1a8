//! JSON exactly as Python's `json.dumps(value, indent=2, sort_keys=True)` writes it.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

pub(crate) fn to_string(object: &Map<String, Value>) -> String {
    let mut out = String::new();
    write_object(&mut out, object, 0);
    out
}

fn write(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(&value.to_string()),
        Value::Number(number) => out.push_str(&write_number(number)),
        Value::String(text) => write_text(out, text),
        Value::Array(values) => {
            let items = values.iter().map(|value| (None, value));
            write_items(out, ['[', ']'], items, depth);
        }
        Value::Object(object) => write_object(out, object, depth),
    }
}

fn write_object(out: &mut String, object: &Map<String, Value>, depth: usize) {
    let sorted: BTreeMap<&String, &Value> = object.iter().collect();
    let items = sorted.into_iter().map(|(name, value)| (Some(name.as_str()), value));
    write_items(out, ['{', '}'], items, depth);
}

fn write_items<'v>(
    out: &mut String,
    [open, close]: [char; 2],
    items: impl ExactSizeIterator<Item = (Option<&'v str>, &'v Value)>,
    depth: usize,
) {
    let is_empty = items.len() == 0;
    out.push(open);
    for (index, (name, value)) in items.enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        new_line(out, depth + 1);
        if let Some(name) = name {
            write_text(out, name);
            out.push_str(": ");
        }
        write(out, value, depth + 1);
    }
    if !is_empty {
        new_line(out, depth);
    }
    out.push(close);
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
}

/// Writes a text as Python does, which escapes every character outside of printable ASCII as UTF-16.
fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for next in text.chars() {
        match next {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            ' '..='~' => out.push(next),
            _ => {
                for unit in next.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

/// Writes a number as Python's `repr` does: with the fewest digits that read back as the same number, and with an exponent
/// below 1e-4 and from 1e16 on.
fn write_number(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        format!("{float:?}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{digits}e{sign}{:02}", exponent.abs())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn dumps(value: Value) -> String {
        let mut out = String::new();
        write(&mut out, &value, 0);
        out
    }

    /// Values and what CPython 3.11 prints.
    #[test]
    fn floats_as_python_prints_them() {
        let printed = [
            (1e-5, "1e-05"),
            (1e-4, "0.0001"),
            (0.1, "0.1"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (123456789.125, "123456789.125"),
            (1e15, "1000000000000000.0"),
            (9007199254740993.0, "9007199254740992.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
        ];
        for (value, expected) in printed {
            assert_eq!(dumps(json!(value)), expected);
        }
    }

    #[test]
    fn integers_are_exact() {
        assert_eq!(
            dumps(json!([u64::MAX, i64::MIN])),
            "[\n  18446744073709551615,\n  -9223372036854775808\n]"
        );
    }

    #[test]
    fn text_is_escaped_ascii() {
        assert_eq!(dumps(json!("a\"\\/\n\r\t\u{8}\u{c}\u{1}\u{7f}")), r#""a\"\\/\n\r\t\b\f\u0001\u007f""#);
        assert_eq!(dumps(json!("é³𝄞")), r#""\u00e9\u00b3\ud834\udd1e""#);
    }

    #[test]
    fn empty_containers_stay_on_their_line_and_keys_are_sorted() {
        let value = json!({"b": {}, "a": [], "c": [[]], "é": null, "B": true});
        let expected = r#"{
  "B": true,
  "a": [],
  "b": {},
  "c": [
    []
  ],
  "\u00e9": null
}"#;
        assert_eq!(dumps(value), expected);
    }
}
