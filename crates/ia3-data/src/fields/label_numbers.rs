//! The numbers of labels, which rows have as numbers or as names.

use minijinja::Value;
use minijinja::value::ValueKind;

use crate::error::DataError;
use crate::label_names;
use crate::record::{Record, describe};

/// The numbers of the labels in a list, or of one label.
pub(super) fn positions(row: &Record, field: &str, names: &[String]) -> Result<Vec<usize>, DataError> {
    let value = row.value(field)?;
    let items: Vec<Value> = match value.kind() {
        ValueKind::Seq => value.try_iter().into_iter().flatten().collect(),
        _ => vec![value],
    };
    items.iter().map(|item| position_of(field, item, names)).collect()
}

/// The number of a label, which the row has as a number or as a name.
pub(super) fn position(row: &Record, field: &str, names: &[String]) -> Result<usize, DataError> {
    position_of(field, &row.value(field)?, names)
}

fn position_of(field: &str, value: &Value, names: &[String]) -> Result<usize, DataError> {
    match value.as_str() {
        // The cells of a table are texts.
        Some(digits) if names.is_empty() && digits.parse::<u32>().is_ok() => {
            number(field, &Value::from(digits.parse::<u32>().unwrap_or_default()), 0)
        }
        Some(name) => label_names::position(name, names),
        None => number(field, value, names.len()),
    }
}

/// The number of a label: at least 0, and below `names` unless `names` is 0.
fn number(field: &str, value: &Value, names: usize) -> Result<usize, DataError> {
    let expected = "a whole number from 0, or a name";
    let wrong = || DataError::FieldType { field: field.into(), found: describe(value), expected };
    let number = value.is_integer().then(|| i64::try_from(value.clone()).ok()).flatten().ok_or_else(wrong)?;
    match usize::try_from(number) {
        Ok(number) if names == 0 || number < names => Ok(number),
        Err(_) if names == 0 => Err(wrong()),
        _ => Err(DataError::AnswerOutOfRange { answer: number, choices: names }),
    }
}
