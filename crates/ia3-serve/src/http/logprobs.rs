//! The log-probabilities of tokens as JSON.

use serde_json::{Map, Value, json};

use super::app::App;
use super::error::ApiError;
use super::kind::Kind;
use super::tokenizer::tokenizer;
use crate::engine::{Logprob, Token};

/// The log-probabilities of some tokens; null where none are wanted.
pub(super) fn of(kind: Kind, app: &App, tokens: &[Token]) -> Result<Value, ApiError> {
    let wanted: Vec<&(Logprob, Vec<Logprob>)> = tokens.iter().filter_map(|t| t.logprobs.as_ref()).collect();
    if wanted.is_empty() {
        return Ok(Value::Null);
    }
    let text = |id: i64| text(app, id);
    match kind {
        Kind::Chat => {
            let one = |logprob: &Logprob| -> Result<Value, ApiError> {
                let text = text(logprob.id)?;
                Ok(json!({"token": text, "logprob": finite(logprob), "bytes": text.as_bytes()}))
            };
            let token = |(own, top): &&(Logprob, Vec<Logprob>)| -> Result<Value, ApiError> {
                let mut token = one(own)?;
                token["top_logprobs"] = top.iter().map(one).collect::<Result<Vec<_>, _>>()?.into();
                Ok(token)
            };
            let content = wanted.iter().map(token).collect::<Result<Vec<_>, _>>()?;
            Ok(json!({"content": content, "refusal": null}))
        }
        Kind::Text => {
            let texts = wanted.iter().map(|(own, _)| text(own.id)).collect::<Result<Vec<_>, _>>()?;
            let starts: Vec<usize> = texts
                .iter()
                .scan(0, |start, text| Some(std::mem::replace(start, *start + text.chars().count())))
                .collect();
            let top = |(_, top): &&(Logprob, Vec<Logprob>)| -> Result<Value, ApiError> {
                let of = |logprob: &Logprob| Ok((text(logprob.id)?, finite(logprob).into()));
                Ok(Value::Object(top.iter().map(of).collect::<Result<Map<String, Value>, ApiError>>()?))
            };
            let top = wanted.iter().map(top).collect::<Result<Vec<_>, _>>()?;
            let own: Vec<f32> = wanted.iter().map(|(own, _)| finite(own)).collect();
            Ok(json!({"tokens": texts, "token_logprobs": own, "top_logprobs": top, "text_offset": starts}))
        }
    }
}

/// The text of a token by itself.
fn text(app: &App, id: i64) -> Result<String, ApiError> {
    let failed = |error: ia3::data::DataError| ApiError::from(crate::error::ServeError::from(error));
    tokenizer(app)?.decode(&[id]).map_err(failed)
}

/// JSON has no infinite numbers, and OpenAI's API has this one for what is not probable at all.
fn finite(logprob: &Logprob) -> f32 {
    logprob.logprob.max(-9999.0)
}
