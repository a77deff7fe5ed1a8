//! The texts of a request, or the ids of their tokens.

use serde::Deserialize;

use super::app::App;
use super::error::ApiError;
use super::fields::Fields;
use super::tokenizer::tokenizer;

/// The most texts of a request.
const MAX_INPUTS: usize = 2048;

/// A text of a request.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Input {
    Text(String),
    Ids(Vec<i64>),
    /// Two texts that a classifier reads together, in the form of transformers' pipelines.
    Pair {
        text: String,
        text_pair: String,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Inputs {
    // A list of numbers is one input, not a list of inputs.
    Ids(Vec<i64>),
    Several(Vec<Input>),
    One(Input),
}

/// The tokens of an input, with their types where it is two texts.
pub(super) struct Tokens {
    pub(super) ids: Vec<i64>,
    pub(super) types: Vec<i64>,
}

/// Takes the texts in a field.
pub(super) fn take(fields: &mut Fields, name: &'static str) -> Result<Vec<Input>, ApiError> {
    let inputs = match fields.need(name)? {
        Inputs::Ids(ids) => vec![Input::Ids(ids)],
        Inputs::Several(inputs) => inputs,
        Inputs::One(input) => vec![input],
    };
    match (1..=MAX_INPUTS).contains(&inputs.len()) {
        true => Ok(inputs),
        false => Err(ApiError::field(name, format!("has no text, or more than {MAX_INPUTS}"))),
    }
}

impl Input {
    /// The tokens of a prompt or of an input of a classifier, at most `max` of them where that is given.
    pub(super) fn tokens(
        self,
        app: &App,
        name: &'static str,
        max: Option<usize>,
    ) -> Result<Tokens, ApiError> {
        let wrong = |error| ApiError::field(name, format!("cannot be read: {error}"));
        let kind = app.engines().base().kind();
        let tokens = match self {
            Self::Ids(mut ids) => {
                ids.truncate(max.unwrap_or(usize::MAX));
                Tokens { ids, types: vec![] }
            }
            Self::Text(text) => {
                let ids = tokenizer(app)?.encode_prompt(&text, max, &kind).map_err(wrong)?;
                Tokens { ids, types: vec![] }
            }
            Self::Pair { .. } if !kind.reads_pairs() => {
                return Err(ApiError::field(name, "has two texts, and the model reads one"));
            }
            Self::Pair { text, text_pair } => {
                let (ids, types) = tokenizer(app)?.encode_pair(&text, &text_pair, max).map_err(wrong)?;
                Tokens { ids, types }
            }
        };
        check(&tokens.ids, app, name)?;
        Ok(tokens)
    }
}

/// Checks that there are tokens, that they are in the vocabulary, and that they are not more than a request may have.
pub(super) fn check(ids: &[i64], app: &App, name: &'static str) -> Result<(), ApiError> {
    let (most, vocab) = (app.engines().options().tokens, app.engines().base().module().vocab_size() as i64);
    if ids.is_empty() {
        return Err(ApiError::field(name, "has no tokens"));
    }
    if let Some(id) = ids.iter().find(|id| !(0..vocab).contains(*id)) {
        return Err(ApiError::field(name, format!("holds the id {id}, outside the vocabulary of {vocab}")));
    }
    if ids.len() > most {
        let problem = format!("has {} tokens, more than the {most} that a request may have", ids.len());
        return Err(ApiError::field(name, problem).with_code("context_length_exceeded"));
    }
    Ok(())
}
