use minijinja::Value;
use minijinja::value::ValueKind;

use crate::answers::spans;
use crate::error::DataError;
use crate::input_fields::InputNames;
use crate::label_names;
use crate::model_kind::ModelKind;
use crate::record::{Record, describe};
use crate::text_example::{Answer, TextExample};

/// The names of the fields that are the input and the answer of a row. Fields that are not given are found by their usual
/// names.
///
/// | field | usual names | content |
/// |---|---|---|
/// | input | `input`, `text` | a text |
/// | second text of the input, for models that classify it | `text_pair`; with another first text: `premise` and `hypothesis`, `sentence1` and `sentence2`, `question1` and `question2`, `question` and `sentence` | a text |
/// | choices | `choices` | a list of texts; `answer` or `label` is the right one, as its number from 0 or as its text |
/// | label | `label` | the number of a class from 0, or its name |
/// | target | `target` | a text |
///
/// [`example_for`](Self::example_for) reads the fields of other models too:
///
/// | model | input | answer |
/// |---|---|---|
/// | several classes per text | `input`, `text` | `labels` or `label`: a list of classes, as numbers or names |
/// | regression | `input`, `text` | `label` or `labels`: a number, or a list of numbers |
/// | classes of words | `tokens`: a list of words | `tags`, `ner_tags` or `labels`: a class for each word |
/// | spans of a context | `context`, with a `question` | `answers`: `{"text": […], "answer_start": […]}`, or a list of `{"text": …, "answer_start": …}`, as SQuAD has them |
/// | hidden tokens | `input`, `text`, with mask tokens if there is a target | `target`: the text without mask tokens; without it, tokens are hidden at random |
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
    /// Name of the field that is the second text of the input. If [`input`](Self::input) is named, the input has a second text only
    /// if this is named too.
    pub text_pair: Option<String>,
    /// Name of the field that is the target.
    pub target: Option<String>,
    /// Name of the field that is the question about a context.
    pub question: Option<String>,
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

    /// Sets the name of the field that is the second text of the input.
    pub fn with_text_pair(self, field: impl Into<String>) -> Self {
        Self { text_pair: Some(field.into()), ..self }
    }

    /// Sets the name of the field that is the target.
    pub fn with_target(self, field: impl Into<String>) -> Self {
        Self { target: Some(field.into()), ..self }
    }

    /// Sets the name of the field that is the question about a context.
    pub fn with_question(self, field: impl Into<String>) -> Self {
        Self { question: Some(field.into()), ..self }
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
        let names = [&self.input, &self.text_pair, &self.target, &self.question, &self.label, &self.choices];
        names.into_iter().any(Option::is_some)
    }

    /// The example in a row for a classifier.
    ///
    /// # Errors
    ///
    /// A field is missing or has the wrong type, an answer is none of the choices, a label is out of range or unknown, or a
    /// text is empty.
    pub fn example(&self, row: &Record) -> Result<TextExample, DataError> {
        self.example_for(row, &ModelKind::Classifier)
    }

    /// The example in a row for a model of this kind.
    ///
    /// # Errors
    ///
    /// The errors are those of [`example`](Self::example), [`DataError::TagCount`], and [`DataError::PairForModel`] if the second text
    /// is named and the model reads one.
    pub fn example_for(&self, row: &Record, model: &ModelKind) -> Result<TextExample, DataError> {
        let labels = self.label.as_deref();
        let first = |names: &[&'static str]| {
            let found = names.iter().copied().find(|name| row.has(name));
            labels.unwrap_or(found.unwrap_or(names[0])).to_string()
        };
        let (input, text_pair) = match model {
            ModelKind::TokenClassifier | ModelKind::QuestionAnswerer if self.text_pair.is_none() => {
                Default::default()
            }
            _ => self.input_names().texts(row, model)?,
        };
        let answer = match model {
            ModelKind::TokenClassifier => return self.tagged(row, &first(&["tags", "ner_tags", "labels"])),
            ModelKind::QuestionAnswerer => return self.asked(row),
            ModelKind::MaskedLm => self.hidden(row)?,
            ModelKind::MultiLabel { .. } => {
                let field = first(&["labels", "label"]);
                Answer::Classes(self.positions(row, &field)?)
            }
            ModelKind::Regression => Answer::Numbers(row.numbers(&first(&["label", "labels"]))?),
            _ => self.answer(row)?,
        };
        TextExample { input, text_pair, answer }.check()
    }

    fn input_names(&self) -> InputNames<'_> {
        InputNames { input: self.input.as_deref(), text_pair: self.text_pair.as_deref() }
    }

    fn tagged(&self, row: &Record, field: &str) -> Result<TextExample, DataError> {
        let words = row.texts(self.input.as_deref().unwrap_or("tokens"))?;
        let tags = self.positions(row, field)?;
        if tags.len() != words.len() {
            return Err(DataError::TagCount { tags: tags.len(), words: words.len() });
        }
        TextExample::new(words.join(" "), Answer::Tags { words, tags }).check()
    }

    /// What a mask hides: given by the target, or to be drawn.
    fn hidden(&self, row: &Record) -> Result<Answer, DataError> {
        match &self.target {
            Some(field) => Ok(Answer::Text(row.text(field)?)),
            None if row.has("target") => Ok(Answer::Text(row.text("target")?)),
            None => Ok(Answer::Hidden),
        }
    }

    /// A question about a context, with its answers.
    fn asked(&self, row: &Record) -> Result<TextExample, DataError> {
        let name = |field: &Option<String>, usual: &str| field.clone().unwrap_or_else(|| usual.to_string());
        let input = row.text(&name(&self.input, "context"))?;
        let question = row.text(&name(&self.question, "question"))?;
        let spans = spans(row, &name(&self.target, "answers"))?;
        TextExample::new(input, Answer::Spans { question, spans }).check()
    }

    /// The numbers of the labels in a list, or of one label.
    fn positions(&self, row: &Record, field: &str) -> Result<Vec<usize>, DataError> {
        let value = row.value(field)?;
        let items: Vec<Value> = match value.kind() {
            ValueKind::Seq => value.try_iter().into_iter().flatten().collect(),
            _ => vec![value],
        };
        items.iter().map(|item| self.position_of(field, item, &self.label_names)).collect()
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
        self.position_of(field, &row.value(field)?, names)
    }

    fn position_of(&self, field: &str, value: &Value, names: &[String]) -> Result<usize, DataError> {
        match value.as_str() {
            // The cells of a table are texts.
            Some(digits) if names.is_empty() && digits.parse::<u32>().is_ok() => {
                number(field, &Value::from(digits.parse::<u32>().unwrap_or_default()), 0)
            }
            Some(name) => label_names::position(name, names),
            None => number(field, value, names.len()),
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
    fn other_models_read_lists_numbers_and_words() {
        let read = |model: &ModelKind, json: &str| {
            let fields = Fields::new().with_label_names(["O", "B-PER", "I-PER"]);
            fields.example_for(&Record::from_json(json).unwrap(), model).map_err(|error| error.to_string())
        };
        let answer = |model, json| read(&model, json).unwrap().answer;
        let several = ModelKind::MultiLabel { labels: 3 };
        let classes = answer(several.clone(), r#"{"text": "a", "labels": ["I-PER", 0]}"#);
        assert_eq!(classes, Answer::Classes(vec![2, 0]));
        assert_eq!(answer(several, r#"{"text": "a", "labels": []}"#), Answer::Classes(vec![]));
        let number = answer(ModelKind::Regression, r#"{"text": "a", "label": -1.5}"#);
        assert_eq!(number, Answer::Numbers(vec![-1.5]));
        let words = r#"{"tokens": ["Ada", "writes"], "tags": ["B-PER", "O"]}"#;
        let tagged = read(&ModelKind::TokenClassifier, words).unwrap();
        let words = vec!["Ada".to_string(), "writes".to_string()];
        assert_eq!(tagged, TextExample::new("Ada writes", Answer::Tags { words, tags: vec![1, 0] }));
        let short =
            read(&ModelKind::TokenClassifier, r#"{"tokens": ["Ada", "writes"], "tags": [1]}"#).unwrap_err();
        assert_eq!(short, "the row has 1 tags for 2 words; every word needs one tag");
        let text = read(&ModelKind::Regression, r#"{"text": "a", "label": "good"}"#).unwrap_err();
        assert_eq!(text, "field `label` is a text, expected a finite number, or a list of them");
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
        assert_eq!(read(&fields, row).unwrap(), TextExample::new("a", Answer::Class(1)));
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
