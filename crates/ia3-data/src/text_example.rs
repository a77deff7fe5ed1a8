use crate::error::DataError;

/// One example before it is tokenised.
#[derive(Clone, Debug, PartialEq)]
pub struct TextExample {
    /// The input.
    pub input: String,
    /// What the model should answer.
    pub answer: Answer,
}

/// What the model should answer to an input, before it is tokenised.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A text.
    Text(String),
    /// The number of a class.
    Class(usize),
    /// The numbers of several classes.
    Classes(Vec<usize>),
    /// Numbers, for a regression.
    Numbers(Vec<f32>),
    /// The class of each word of the input. The words stand for the input.
    Tags {
        /// The words.
        words: Vec<String>,
        /// The number of the class of each word.
        tags: Vec<usize>,
    },
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
            Answer::Numbers(numbers) if numbers.is_empty() => Some("the list of numbers"),
            _ => None,
        };
        what.map_or(Ok(self), |what| Err(DataError::Empty { what }))
    }
}
