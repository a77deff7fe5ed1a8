use minijinja::Value;
use minijinja::value::ValueKind;

use crate::error::{DataError, RowError};

/// The largest number of bytes of one row.
pub(crate) const MAX_ROW: usize = 64 << 20;

/// One row of data: named fields with JSON values, in the order of the file.
#[derive(Clone, Debug)]
pub struct Record {
    fields: Value,
    bytes: usize,
}

impl Record {
    /// Reads one JSON object.
    ///
    /// # Errors
    ///
    /// [`RowError::Json`] if the text is not JSON, [`RowError::NotAnObject`] if it is other JSON.
    pub fn from_json(text: &str) -> Result<Self, DataError> {
        let fields: Value = serde_json::from_str(text).map_err(|error| {
            let said = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            let reason = said.strip_suffix(&place).unwrap_or(&said).to_string();
            RowError::Json { reason, column: error.column() }
        })?;
        match fields.kind() {
            ValueKind::Map => Ok(Self { fields, bytes: text.len() }),
            _ => Err(RowError::NotAnObject { found: describe(&fields) }.into()),
        }
    }

    /// A row of texts.
    pub(crate) fn from_texts<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let fields: Vec<(&str, &str)> = fields.collect();
        let bytes = fields.iter().map(|(name, text)| name.len() + text.len()).sum();
        Self { fields: Value::from_pairs(fields), bytes }
    }

    /// The size of its JSON.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The names of the fields.
    pub fn names(&self) -> Vec<String> {
        let keys = self.fields.try_iter().into_iter().flatten();
        keys.map(|key| key.as_str().map_or_else(|| key.to_string(), str::to_string)).collect()
    }

    /// Whether the row has the field.
    pub fn has(&self, field: &str) -> bool {
        self.get(field).is_some()
    }

    /// The text in a field.
    ///
    /// # Errors
    ///
    /// [`DataError::NoField`] if the row does not have the field, [`DataError::FieldType`] if it is not a text.
    pub fn text(&self, field: &str) -> Result<String, DataError> {
        let value = self.value(field)?;
        let wrong =
            || DataError::FieldType { field: field.into(), found: describe(&value), expected: "a text" };
        value.as_str().map(str::to_string).ok_or_else(wrong)
    }

    /// The list of texts in a field.
    ///
    /// # Errors
    ///
    /// The errors are those of [`text`](Self::text).
    pub fn texts(&self, field: &str) -> Result<Vec<String>, DataError> {
        let value = self.value(field)?;
        let text = |item: Value| item.as_str().map(str::to_string);
        let texts = match value.kind() {
            ValueKind::Seq => value.try_iter().ok().and_then(|items| items.map(text).collect()),
            _ => None,
        };
        let expected = "a list of texts";
        texts.ok_or_else(|| DataError::FieldType { field: field.into(), found: describe(&value), expected })
    }

    /// The whole number in a field.
    ///
    /// # Errors
    ///
    /// The errors are those of [`text`](Self::text).
    pub fn integer(&self, field: &str) -> Result<i64, DataError> {
        let value = self.value(field)?;
        let expected = "a whole number";
        let wrong = || DataError::FieldType { field: field.into(), found: describe(&value), expected };
        value.is_integer().then(|| i64::try_from(value.clone()).ok()).flatten().ok_or_else(wrong)
    }

    /// Whether the field is a list.
    pub fn is_list(&self, field: &str) -> bool {
        self.get(field).is_some_and(|value| value.kind() == ValueKind::Seq)
    }

    /// The number in a field, or the list of numbers.
    ///
    /// # Errors
    ///
    /// The errors are those of [`text`](Self::text).
    pub fn numbers(&self, field: &str) -> Result<Vec<f32>, DataError> {
        let value = self.value(field)?;
        let number = |item: &Value| {
            let number = item.is_number().then(|| f64::try_from(item.clone()).ok()).flatten();
            number.map(|number| number as f32).filter(|number| number.is_finite())
        };
        let numbers = match value.kind() {
            ValueKind::Seq => value.try_iter().ok().and_then(|mut items| {
                items.try_fold(vec![], |mut all, item| {
                    all.push(number(&item)?);
                    Some(all)
                })
            }),
            _ => number(&value).map(|number| vec![number]),
        };
        let expected = "a finite number, or a list of them";
        numbers.ok_or_else(|| DataError::FieldType { field: field.into(), found: describe(&value), expected })
    }

    pub(crate) fn value(&self, field: &str) -> Result<Value, DataError> {
        let missing = || DataError::NoField { field: field.into(), known: self.names() };
        self.get(field).ok_or_else(missing)
    }

    fn get(&self, field: &str) -> Option<Value> {
        self.fields.get_attr(field).ok().filter(|value| !value.is_undefined())
    }

    /// The fields and their values. `f` is applied to every value that is a text.
    pub(crate) fn map_texts(&self, f: impl Fn(&str) -> String) -> Vec<(String, Value)> {
        let changed = |name: String| {
            let value = self.get(&name).unwrap_or_default();
            let value = value.as_str().map(|text| Value::from(f(text))).unwrap_or(value);
            (name, value)
        };
        self.names().into_iter().map(changed).collect()
    }
}

/// The type of a value, or the value itself if it is short.
pub(crate) fn describe(value: &Value) -> String {
    match value.kind() {
        ValueKind::Seq => "a list".into(),
        ValueKind::Map => "an object".into(),
        ValueKind::None => "null".into(),
        ValueKind::String => "a text".into(),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(json: &str) -> String {
        Record::from_json(json).unwrap_err().to_string()
    }

    #[test]
    fn fields_keep_their_order_and_types() {
        let row = Record::from_json(r#"{"z": "a", "b": ["c", "d"], "n": 3, "x": null}"#).unwrap();
        assert_eq!(row.names(), ["z", "b", "n", "x"]);
        assert_eq!((row.text("z").unwrap().as_str(), row.texts("b").unwrap().len()), ("a", 2));
        assert!(row.has("x") && !row.has("y"));
        assert_eq!(row.text("n").unwrap_err().to_string(), "field `n` is 3, expected a text");
        assert_eq!(row.texts("z").unwrap_err().to_string(), "field `z` is a text, expected a list of texts");
        assert_eq!(row.integer("n").unwrap(), 3);
        assert_eq!(row.integer("z").unwrap_err().to_string(), "field `z` is a text, expected a whole number");
        let missing = "the row has no field `y`; it has `z`, `b`, `n`, `x`";
        assert_eq!(row.text("y").unwrap_err().to_string(), missing);
    }

    #[test]
    fn text_that_is_not_an_object_is_refused() {
        assert_eq!(problem("[1]"), "expected an object of named fields, found a list");
        assert_eq!(problem("7"), "expected an object of named fields, found 7");
        assert_eq!(problem(r#"{"a": }"#), "expected value at column 7");
        assert_eq!(problem(r#"{"a": 1"#), "EOF while parsing an object at column 7");
        assert_eq!(problem(r#"{"a": 1} x"#), "trailing characters at column 10");
    }
}
