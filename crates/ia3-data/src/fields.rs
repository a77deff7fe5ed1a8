use minijinja::Value;

use crate::error::DataError;
use crate::record::{Record, describe};
use crate::text_example::{Answer, TextExample};

/// Which fields of a row are its input and its answer. What is left out is found by the usual names.
///
/// | field | usual names | what |
/// |---|---|---|
/// | input | `input`, `text` | a text |
/// | choices | `choices` | a list of texts, of which `answer` or `label` is the number from 0 or the text of the right one |
/// | label | `label` | the number of a class from 0, or its name |
/// | target | `target` | a text |
///
/// Without a field given, `choices` is looked for first, then `target`, then `label`. Other fields do not matter.
///
/// ```
/// use ia3_data::{Answer, Fields, Record};
///
/// let row = Record::from_json(r#"{"id": 7, "text": "a fine film", "label": "good"}"#)?;
/// let fields = Fields { label_names: vec!["bad".into(), "good".into()], ..Fields::default() };
/// assert_eq!(fields.example(&row)?.answer, Answer::Class(1));
/// # Ok::<(), ia3_data::DataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Name of the input's field.
    pub input: Option<String>,
    /// Name of the target's field.
    pub target: Option<String>,
    /// Name of the label's field; with choices, of the answer's.
    pub label: Option<String>,
    /// Name of the choices' field.
    pub choices: Option<String>,
    /// The names of the labels, in the order of their numbers.
    pub label_names: Vec<String>,
}

impl Fields {
    /// The example in a row.
    ///
    /// # Errors
    ///
    /// A missing field or one of another type, an answer that is no choice, a label that is out of range or unknown, an
    /// empty text.
    pub fn example(&self, row: &Record) -> Result<TextExample, DataError> {
        let input = match &self.input {
            Some(field) => field,
            None if row.has("input") || !row.has("text") => "input",
            None => "text",
        };
        TextExample { input: row.text(input)?, answer: self.answer(row)? }.check()
    }

    fn answer(&self, row: &Record) -> Result<Answer, DataError> {
        let named = [&self.choices, &self.target, &self.label].into_iter().any(Option::is_some);
        let usual = |field: &Option<String>, name: &'static str| match field {
            Some(field) => Some(field.clone()),
            None => (!named && row.has(name)).then(|| name.to_string()),
        };
        if let Some(field) = usual(&self.choices, "choices") {
            return self.choice(row, &field);
        }
        if let Some(field) = usual(&self.target, "target") {
            return Ok(Answer::Text(row.text(&field)?));
        }
        match usual(&self.label, "label") {
            Some(field) => Ok(Answer::Class(self.position(row, &field, &self.label_names)?)),
            None => Err(DataError::NoAnswerField { known: row.names() }),
        }
    }

    fn choice(&self, row: &Record, field: &str) -> Result<Answer, DataError> {
        let choices = row.texts(field)?;
        let field = match &self.label {
            Some(field) => field,
            None if row.has("answer") || !row.has("label") => "answer",
            None => "label",
        };
        let answer = self.position(row, field, &choices)?;
        match answer < choices.len() {
            true => Ok(Answer::Choices { choices, answer }),
            false => Err(DataError::AnswerOutOfRange { answer: answer as i64, choices: choices.len() }),
        }
    }

    /// A number, or one of the names.
    fn position(&self, row: &Record, field: &str, names: &[String]) -> Result<usize, DataError> {
        let value = row.value(field)?;
        match value.as_str() {
            Some(name) => position(name, names),
            None => number(field, &value, names.len()),
        }
    }
}

/// The number of a name.
pub(crate) fn position(name: &str, names: &[String]) -> Result<usize, DataError> {
    match names.iter().position(|n| n == name) {
        Some(position) => Ok(position),
        None if names.is_empty() => Err(DataError::NoLabelNames { label: name.into() }),
        None => Err(DataError::UnknownLabel { label: name.into(), names: names.to_vec() }),
    }
}

/// A number from 0, below the number of names where there are any.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &Fields, json: &str) -> Result<TextExample, String> {
        fields.example(&Record::from_json(json).unwrap()).map_err(|e| e.to_string())
    }

    fn answer(json: &str) -> Answer {
        read(&Fields::default(), json).unwrap().answer
    }

    #[test]
    fn the_usual_names_are_found() {
        assert_eq!(answer(r#"{"input": "a", "target": "b", "label": 1}"#), Answer::Text("b".into()));
        assert_eq!(answer(r#"{"text": "a", "label": 3}"#), Answer::Class(3));
        let choices = Answer::Choices { choices: vec!["x".into(), "y".into()], answer: 1 };
        assert_eq!(answer(r#"{"input": "a", "choices": ["x", "y"], "answer": 1}"#), choices);
        assert_eq!(answer(r#"{"input": "a", "choices": ["x", "y"], "label": "y"}"#), choices);
    }

    #[test]
    fn named_fields_come_before_the_usual_ones() {
        let fields = Fields {
            input: Some("q".into()),
            label: Some("gold".into()),
            label_names: vec!["no".into(), "yes".into()],
            ..Fields::default()
        };
        let row = r#"{"q": "a", "gold": "yes", "input": "b", "target": "c"}"#;
        assert_eq!(read(&fields, row).unwrap(), TextExample { input: "a".into(), answer: Answer::Class(1) });
        let missing = read(&fields, r#"{"q": "a", "target": "c"}"#).unwrap_err();
        assert_eq!(missing, "there is no field `gold`; there are `q`, `target`");
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        let problem = |json| read(&Fields::default(), json).unwrap_err();
        let none = "expected `target`, `label`, or `choices` and `answer`; there are `input`";
        assert_eq!(problem(r#"{"input": "a"}"#), none);
        assert_eq!(problem(r#"{"target": "a"}"#), "there is no field `input`; there are `target`");
        assert_eq!(problem(r#"{"input": " ", "target": "a"}"#), "the input is empty");
        assert_eq!(problem(r#"{"input": "a", "target": ""}"#), "the target is empty");
        assert_eq!(problem(r#"{"input": "a", "choices": ["x", ""], "answer": 0}"#), "a choice is empty");
        let range = "the answer is 2, but there are 2 choices, which count from 0";
        assert_eq!(problem(r#"{"input": "a", "choices": ["x", "y"], "answer": 2}"#), range);
        let name = "label `z` is none of `x`, `y`";
        assert_eq!(problem(r#"{"input": "a", "choices": ["x", "y"], "answer": "z"}"#), name);
        let names = "label `good` is a name; say what the names are, in the order of their numbers";
        assert_eq!(problem(r#"{"input": "a", "label": "good"}"#), names);
        let number = "field `label` is -1, expected a whole number from 0, or a name";
        assert_eq!(problem(r#"{"input": "a", "label": -1}"#), number);
        let fraction = "field `label` is 1.5, expected a whole number from 0, or a name";
        assert_eq!(problem(r#"{"input": "a", "label": 1.5}"#), fraction);
    }
}
