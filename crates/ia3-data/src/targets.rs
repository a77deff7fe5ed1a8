//! The answers of classifiers and regressions as targets.

use crate::error::DataError;
use crate::label_names;
use crate::text_example::Answer;

/// What a class for each word is, for a message.
pub(crate) const TAGS: &str = "a class for each word";
/// What spans of a context are, for a message.
pub(crate) const SPANS: &str = "a question about a context, with its answers";

/// The number of the one class of an answer.
pub(crate) fn class(answer: &Answer, names: &[String]) -> Result<usize, DataError> {
    match answer {
        Answer::Class(class) => Ok(*class),
        Answer::Choices { answer, .. } => Ok(*answer),
        Answer::Text(text) => label_names::position(text, names),
        other => Err(DataError::AnswerKind { found: kind(other), expected: "one class" }),
    }
}

/// 1 for each class that the answer has, and 0 for each other of `labels` classes.
pub(crate) fn classes(answer: &Answer, names: &[String], labels: usize) -> Result<Vec<f32>, DataError> {
    let classes = match answer {
        Answer::Classes(classes) => classes.clone(),
        other => vec![class(other, names)?],
    };
    let mut values = vec![0.0; labels];
    for class in classes {
        let missing = DataError::AnswerOutOfRange { answer: class as i64, choices: labels };
        *values.get_mut(class).ok_or(missing)? = 1.0;
    }
    Ok(values)
}

/// The numbers of an answer for a regression.
pub(crate) fn numbers(answer: &Answer) -> Result<Vec<f32>, DataError> {
    match answer {
        Answer::Numbers(numbers) => Ok(numbers.clone()),
        Answer::Class(number) => Ok(vec![*number as f32]),
        other => Err(DataError::AnswerKind { found: kind(other), expected: "a number" }),
    }
}

/// What an answer is, for a message.
pub(crate) fn kind(answer: &Answer) -> &'static str {
    match answer {
        Answer::Text(_) => "a text",
        Answer::Class(_) => "a class",
        Answer::Classes(_) => "several classes",
        Answer::Numbers(_) => "a number",
        Answer::Tags { .. } => TAGS,
        Answer::Spans { .. } => SPANS,
        Answer::Hidden => "what a mask hides",
        Answer::Choices { .. } => "a choice of texts",
    }
}
