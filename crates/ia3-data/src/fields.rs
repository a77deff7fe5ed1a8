use minijinja::Value;

use crate::error::DataError;
use crate::label_names;
use crate::record::{Record, describe};
use crate::text_example::{Answer, TextExample};

/// The names of the fields that are the input and the answer of a row. Fields that are not given are found by their usual
/// names.
///
/// | field | usual names | content |
/// |---|---|---|
/// | input | `input`, `text` | a text |
/// | choices | `choices` | a list of texts; `answer` or `label` is the right one, as its number from 0 or as its text |
/// | label | `label` | the number of a class from 0, or its name |
/// | target | `target` | a text |
///
/// If no field of the answer is given, `choices` is looked for first, then `target`, then `label`. Other fields are ignored.
///
/// ```
/// use ia3_data::{Answer, Fields, Record};
///
/// let row = Record::from_json(r#"{"id": 7, "text": "a fine film", "label": "good"}"#)?;
/// let fields = Fields::new().with_label_names(["bad", "good"]);
/// assert_eq!(fields.example(&row)?.answer, Answer::Class(1));
/// # Ok::<(), ia3_data::DataError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fields {
    /// Name of the field that is the input.
    pub input: Option<String>,
    /// Name of the field that is the target.
    pub target: Option<String>,
    /// Name of the field that is the label or, for choices, the right choice.
    pub label: Option<String>,
    /// Name of the field that has the choices.
    pub choices: Option<String>,
    /// The names of the labels, in the order of their numbers.
    pub label_names: Vec<String>,
}

impl Fields {
    /// The usual names of all fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name of the field that is the input.
    pub fn with_input(self, field: impl Into<String>) -> Self {
        Self { input: Some(field.into()), ..self }
    }

    /// Sets the name of the field that is the target.
    pub fn with_target(self, field: impl Into<String>) -> Self {
        Self { target: Some(field.into()), ..self }
    }

    /// Sets the name of the field that is the label or, for choices, the right choice.
    pub fn with_label(self, field: impl Into<String>) -> Self {
        Self { label: Some(field.into()), ..self }
    }

    /// Sets the name of the field that has the choices.
    pub fn with_choices(self, field: impl Into<String>) -> Self {
        Self { choices: Some(field.into()), ..self }
    }

    /// Sets the names of the labels, in the order of their numbers.
    pub fn with_label_names<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Self {
        Self { label_names: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// Whether the name of a field is given.
    pub(crate) fn is_named(&self) -> bool {
        [&self.input, &self.target, &self.label, &self.choices].into_iter().any(Option::is_some)
    }

    /// The example in a row.
    ///
    /// # Errors
    ///
    /// A field is missing or has the wrong type, an answer is none of the choices, a label is out of range or unknown, or a
    /// text is empty.
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

    /// The number of a label, which the row has as a number or as a name.
    fn position(&self, row: &Record, field: &str, names: &[String]) -> Result<usize, DataError> {
        let value = row.value(field)?;
        match value.as_str() {
            // The cells of a table are texts.
            Some(digits) if names.is_empty() && digits.parse::<u32>().is_ok() => {
                number(field, &Value::from(digits.parse::<u32>().unwrap_or_default()), 0)
            }
            Some(name) => label_names::position(name, names),
            None => number(field, &value, names.len()),
        }
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
        assert_eq!(missing, "the row has no field `gold`; it has `q`, `target`");
    }

    #[test]
    fn a_row_without_a_valid_answer_is_an_error() {
        let problem = |json| read(&Fields::default(), json).unwrap_err();
        let none = "the row has no answer; expected `target`, `label`, or `choices` with `answer`, and it has `input`";
        assert_eq!(problem(r#"{"input": "a"}"#), none);
        assert_eq!(problem(r#"{"target": "a"}"#), "the row has no field `input`; it has `target`");
        assert_eq!(problem(r#"{"input": " ", "target": "a"}"#), "the input is empty");
        assert_eq!(problem(r#"{"input": "a", "target": ""}"#), "the target is empty");
        assert_eq!(problem(r#"{"input": "a", "choices": ["x", ""], "answer": 0}"#), "a choice is empty");
        let range = "the answer is 2, but there are 2 choices, which count from 0";
        assert_eq!(problem(r#"{"input": "a", "choices": ["x", "y"], "answer": 2}"#), range);
        let name = "the label `z` is none of `x`, `y`";
        assert_eq!(problem(r#"{"input": "a", "choices": ["x", "y"], "answer": "z"}"#), name);
        let names = "the label `good` is a name; give the names of all labels, in the order of their numbers";
        assert_eq!(problem(r#"{"input": "a", "label": "good"}"#), names);
        let number = "field `label` is -1, expected a whole number from 0, or a name";
        assert_eq!(problem(r#"{"input": "a", "label": -1}"#), number);
        let fraction = "field `label` is 1.5, expected a whole number from 0, or a name";
        assert_eq!(problem(r#"{"input": "a", "label": 1.5}"#), fraction);
    }
}
