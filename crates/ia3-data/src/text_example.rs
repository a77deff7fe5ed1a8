use crate::error::DataError;

/// One example before it is tokenised.
#[derive(Clone, Debug, PartialEq)]
pub struct TextExample {
    /// The input.
    pub input: String,
    /// The second text of an input of two, such as the hypothesis about a premise. A model reads it only if it classifies the whole
    /// input.
    pub text_pair: Option<String>,
    /// What the model should answer.
    pub answer: Answer,
}

/// What the model should answer to an input, before it is tokenised.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A text.
    Text(String),
    /// The tokens of the input that a mask hides, which are drawn.
    Hidden,
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
    /// The spans of the input, which is a context, that answer a question. There is none if the context does not answer it.
    Spans {
        /// The question.
        question: String,
        /// The right answers, of which the first is learned.
        spans: Vec<SpanText>,
    },
    /// One of several texts.
    Choices {
        /// The texts.
        choices: Vec<String>,
        /// The number of the right text, from 0.
        answer: usize,
    },
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanText {
    /// What the part says.
    pub text: String,
    /// The number of characters before it.
    pub start: usize,
}

impl TextExample {
    /// An input of one text with its answer.
    pub fn new(input: impl Into<String>, answer: Answer) -> Self {
        Self { input: input.into(), text_pair: None, answer }
    }

    /// Sets the second text of the input.
    pub fn with_text_pair(self, text_pair: impl Into<String>) -> Self {
        Self { text_pair: Some(text_pair.into()), ..self }
    }

    /// Refuses an example with an empty text.
    pub(crate) fn check(self) -> Result<Self, DataError> {
        let empty = |text: &String| text.trim().is_empty();
        let what = match &self.answer {
            _ if empty(&self.input) => Some("the input"),
            _ if self.text_pair.as_ref().is_some_and(empty) => Some("the second text of the input"),
            Answer::Text(text) if empty(text) => Some("the target"),
            Answer::Choices { choices, .. } if choices.iter().any(empty) => Some("a choice"),
            Answer::Numbers(numbers) if numbers.is_empty() => Some("the list of numbers"),
            Answer::Spans { question, .. } if empty(question) => Some("the question"),
            Answer::Spans { spans, .. } if spans.iter().any(|span| empty(&span.text)) => Some("an answer"),
            _ => None,
        };
        what.map_or(Ok(self), |what| Err(DataError::Empty { what }))
    }
}
