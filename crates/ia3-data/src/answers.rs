//! The answers of a question in the shape of SQuAD.

use minijinja::Value;
use minijinja::value::ValueKind;

use crate::error::DataError;
use crate::record::{Record, describe};
use crate::text_example::SpanText;

const EXPECTED: &str = "`{\"text\": […], \"answer_start\": […]}`, or a list of `{\"text\": …, \"answer_start\": …}`, as SQuAD has them";

/// The answers in a field: an object of two lists, as in the data set of Hugging Face, or a list of objects, as in the files of
/// SQuAD. An empty list means that there is no answer.
pub(crate) fn spans(row: &Record, field: &str) -> Result<Vec<SpanText>, DataError> {
    let value = row.value(field)?;
    let found = match value.kind() {
        ValueKind::Map => of_lists(&value),
        ValueKind::Seq => value.try_iter().ok().and_then(|items| items.map(|item| span(&item)).collect()),
        _ => None,
    };
    let wrong = || DataError::FieldType { field: field.into(), found: describe(&value), expected: EXPECTED };
    found.ok_or_else(wrong)
}

fn of_lists(value: &Value) -> Option<Vec<SpanText>> {
    let list = |name: &str| {
        let list = value.get_attr(name).ok().filter(|list| list.kind() == ValueKind::Seq)?;
        Some(list.try_iter().ok()?.collect::<Vec<Value>>())
    };
    let (texts, starts) = (list("text")?, list("answer_start")?);
    if texts.len() != starts.len() {
        return None;
    }
    texts.iter().zip(&starts).map(|(text, start)| span_of(text, start)).collect()
}

fn span(value: &Value) -> Option<SpanText> {
    span_of(&value.get_attr("text").ok()?, &value.get_attr("answer_start").ok()?)
}

fn span_of(text: &Value, start: &Value) -> Option<SpanText> {
    let number = start.is_integer().then(|| usize::try_from(start.clone()).ok()).flatten();
    Some(SpanText { text: text.as_str()?.to_string(), start: number? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(answers: &str) -> Result<Vec<SpanText>, String> {
        let row = Record::from_json(&format!(r#"{{"answers": {answers}}}"#)).unwrap();
        spans(&row, "answers").map_err(|error| error.to_string())
    }

    #[test]
    fn both_shapes_of_squad_are_read() {
        let expected =
            vec![SpanText { text: "Rome".into(), start: 3 }, SpanText { text: "the city".into(), start: 9 }];
        assert_eq!(read(r#"{"text": ["Rome", "the city"], "answer_start": [3, 9]}"#).unwrap(), expected);
        let list = r#"[{"text": "Rome", "answer_start": 3}, {"text": "the city", "answer_start": 9}]"#;
        assert_eq!(read(list).unwrap(), expected);
        assert_eq!(read(r#"{"text": [], "answer_start": []}"#).unwrap(), []);
        assert_eq!(read("[]").unwrap(), []);
    }

    #[test]
    fn other_shapes_are_refused() {
        for wrong in [
            r#""Rome""#,
            r#"["Rome"]"#,
            r#"{"text": ["Rome"], "answer_start": []}"#,
            r#"{"text": ["Rome"], "answer_start": [-1]}"#,
            r#"{"text": "Rome", "answer_start": 3}"#,
        ] {
            let error = read(wrong).unwrap_err();
            assert!(
                error.starts_with("field `answers` is ") && error.contains("as SQuAD has them"),
                "{error}"
            );
        }
    }
}
