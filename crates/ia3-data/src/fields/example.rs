//! From rows to examples.

use super::Fields;
use super::label_numbers::{position, positions};
use crate::answers::spans;
use crate::error::DataError;
use crate::input_fields::InputNames;
use crate::model_kind::ModelKind;
use crate::record::Record;
use crate::text_example::{Answer, TextExample};

impl Fields {
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
                Answer::Classes(positions(row, &field, &self.label_names)?)
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
        let tags = positions(row, field, &self.label_names)?;
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
            Some(field) => Ok(Answer::Class(position(row, &field, &self.label_names)?)),
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
        let answer = position(row, field, &choices)?;
        match answer < choices.len() {
            true => Ok(Answer::Choices { choices, answer }),
            false => Err(DataError::AnswerOutOfRange { answer: answer as i64, choices: choices.len() }),
        }
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
