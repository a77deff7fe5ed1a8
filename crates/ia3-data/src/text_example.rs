use crate::error::DataError;

/// One example before it is tokenised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextExample {
    /// The input.
    pub input: String,
    /// What the model should answer.
    pub answer: Answer,
}

/// What the model should answer to an input, before it is tokenised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A text.
    Text(String),
    /// The number of a class.
    Class(usize),
    /// One of several texts.
    Choices {
        /// The texts.
        choices: Vec<String>,
        /// The number of the right text, from 0.
        answer: usize,
    },
}

impl TextExample {
    /// Refuses an example with an empty text.
    pub(crate) fn check(self) -> Result<Self, DataError> {
        let empty = |text: &String| text.trim().is_empty();
        let what = match &self.answer {
            _ if empty(&self.input) => Some("the input"),
            Answer::Text(text) if empty(text) => Some("the target"),
            Answer::Choices { choices, .. } if choices.iter().any(empty) => Some("a choice"),
            _ => None,
        };
        what.map_or(Ok(self), |what| Err(DataError::Empty { what }))
    }
}
