//! The answers of a model to rows of data, as lines of JSON.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ia3::data::{DataError, Tokenizer};
use ia3::train::metrics::squad_match;
use ia3::train::{Evaluation, Example, Target};
use serde::Serialize;
use serde_json::Value;

/// One answer. `correct` compares the texts, or the numbers where there are no texts; those of spans as SQuAD does.
#[derive(Serialize)]
pub(crate) struct Answer<'a> {
    #[serde(flatten)]
    pub(crate) source: Source<'a>,
    input: String,
    target: Value,
    prediction: Value,
    correct: bool,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Source<'a> {
    /// The number of the row in the data, from 1.
    pub(crate) row: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) task: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) adapter: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) template: Option<&'a str>,
}

impl Answer<'_> {
    /// The prediction and the target as texts; a number as its digits.
    pub(crate) fn texts(&self) -> (String, String) {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
        (text(&self.prediction), text(&self.target))
    }
}

/// Turns tokens and numbers into texts.
pub(crate) struct Texts<'a> {
    /// `None` for a model of images, which has none.
    pub(crate) tokenizer: Option<&'a Tokenizer>,
    /// The names of the labels of a classifier, in the order of their numbers; empty if there are none.
    pub(crate) label_names: &'a [String],
    /// Whether the classes of tokens are tokens, as those of a masked language model.
    pub(crate) classes_are_tokens: bool,
}

/// Whether an example is a further window of the question before it.
pub(crate) fn continues(example: &Example) -> bool {
    matches!(&example.target, Target::Span(span) if span.continues)
}

impl Texts<'_> {
    /// The answer to `example`, which is number `place` in the evaluation; `None` for a further window of a question.
    pub(crate) fn answer<'a>(
        &self,
        source: Source<'a>,
        example: &Example,
        (evaluation, place): (&Evaluation, usize),
    ) -> Result<Option<Answer<'a>>, DataError> {
        if continues(example) {
            return Ok(None);
        }
        let number = |place: usize| evaluation.predictions.get(place).copied().unwrap_or_default();
        let (target, prediction) = match &example.target {
            Target::Tokens(_) | Target::Turns { .. } => {
                let generated = evaluation.generated.get(place).map(Vec::as_slice).unwrap_or_default();
                (self.text(example.last_turn().1)?, self.text(generated)?)
            }
            Target::Class(class) => (self.class(*class), self.class(number(place))),
            Target::Values(values) => {
                let found = evaluation.values.get(place).cloned().unwrap_or_default();
                (values.clone().into(), found.into())
            }
            Target::TokenClasses(classes) => {
                let found = evaluation.token_classes.get(place).map(Vec::as_slice).unwrap_or_default();
                (self.tags(classes)?, self.tags(found)?)
            }
            Target::Span(span) => {
                let found = evaluation.answers.get(place).cloned().unwrap_or_default();
                (span.answers.clone().into(), found.into())
            }
            Target::Pairs { answer, .. } => ((*answer).into(), number(place).into()),
            Target::Choices { choices, answer } => {
                let choice =
                    |index: usize| self.text(choices.get(index).map(Vec::as_slice).unwrap_or_default());
                (choice(*answer)?, choice(number(place))?)
            }
        };
        let correct = match (&example.target, prediction.as_str()) {
            (Target::Span(span), Some(found)) => squad_match(found, &span.answers),
            _ => target == prediction,
        };
        let input = match (&example.pixels, &example.sound) {
            (Some(pixels), _) => pixels.name.clone(),
            (None, Some(sound)) => sound.name.clone(),
            (None, None) => self.decoded(&example.last_turn().0)?,
        };
        Ok(Some(Answer { source, input, target, prediction, correct }))
    }

    fn text(&self, ids: &[i64]) -> Result<Value, DataError> {
        Ok(self.decoded(ids)?.into())
    }

    fn decoded(&self, ids: &[i64]) -> Result<String, DataError> {
        self.tokenizer.map_or(Ok(String::new()), |tokenizer| tokenizer.decode(ids))
    }

    /// The names of the classes of words, or the hidden tokens. Tokens without a class are left out.
    fn tags(&self, classes: &[i64]) -> Result<Value, DataError> {
        let name = |class: &i64| match self.classes_are_tokens {
            true => self.text(&[*class]),
            false => Ok(usize::try_from(*class).map_or(Value::Null, |class| self.class(class))),
        };
        classes.iter().filter(|class| **class >= 0).map(name).collect()
    }

    /// The name of a class, or its number where it has none.
    fn class(&self, class: usize) -> Value {
        self.label_names.get(class).map_or(class.into(), |name| name.as_str().into())
    }
}

/// A file that gets each answer as soon as it is known.
pub(crate) struct PredictionFile {
    path: PathBuf,
    file: File,
}

impl PredictionFile {
    /// Creates the file, or empties it.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path: path.to_owned(), file })
    }

    pub(crate) fn write(&mut self, answers: &[Answer]) -> anyhow::Result<()> {
        let written = self.file.write_all(lines(answers)?.as_bytes());
        written.with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// A line of JSON per answer.
pub(crate) fn lines(answers: &[Answer]) -> anyhow::Result<String> {
    let line = |answer: &Answer| Ok(serde_json::to_string(answer)? + "\n");
    answers.iter().map(line).collect()
}
