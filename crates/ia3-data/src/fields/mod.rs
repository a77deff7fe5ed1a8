mod example;
mod label_numbers;

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
}
