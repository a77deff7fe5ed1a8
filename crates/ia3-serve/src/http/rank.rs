//! `/v1/rank`: which of several texts a language model finds most likely after an input.

use axum::extract::State;
use ia3::data::{Answer, Encoder, Target, TextExample};
use serde_json::{Value, json};

use super::answer::blocking;
use super::app::{App, now};
use super::error::ApiError;
use super::fields::Fields;
use super::inputs::check;
use super::json::Json;
use super::passes::{all, usage};
use super::tokenizer::tokenizer;
use crate::forward::{ForwardRequest, Wanted};

/// The most choices of a request.
const MAX_CHOICES: usize = 128;

pub(super) async fn rank(State(app): State<App>, mut fields: Fields) -> Result<Json, ApiError> {
    let model: String = fields.need("model")?;
    let input: String = fields.need("input")?;
    let choices: Vec<String> = fields.need("choices")?;
    let length_norm: f64 = fields.take("length_norm")?.unwrap_or(1.0);
    fields.finish()?;
    if !(1..=MAX_CHOICES).contains(&choices.len()) {
        return Err(ApiError::field("choices", format!("has no text, or more than {MAX_CHOICES}")));
    }
    if !length_norm.is_finite() {
        return Err(ApiError::field("length_norm", "is no finite number"));
    }
    if !app.engines().base().task().is_language_model() {
        return Err(ApiError::field("model", "is no language model, so no text has a likelihood"));
    }
    let adapter = app.adapter(&model).map(str::to_string);
    let (of_blocking, texts) = (app.clone(), choices.clone());
    let requests = blocking(move || requests(&input, texts, adapter, &of_blocking)).await?;
    let tokens = requests.iter().map(|request| request.ids.len()).sum();
    let lengths: Vec<usize> = requests.iter().map(length).collect();
    let likelihoods: Vec<f32> = all(&app, requests).await?.concat();
    let scores: Vec<f64> = likelihoods
        .iter()
        .zip(&lengths)
        .map(|(likelihood, length)| f64::from(*likelihood) / (*length as f64).powf(length_norm))
        .collect();
    let best = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(b.cmp(&a)));
    let entry = |i: usize| {
        json!({"index": i, "choice": choices[i], "log_likelihood": likelihoods[i], "tokens": lengths[i],
            "score": scores[i]})
    };
    let data: Vec<Value> = (0..choices.len()).map(entry).collect();
    let id = format!("rank-{}", uuid::Uuid::new_v4().simple());
    Ok(Json(json!({
        "id": id, "object": "list", "created": now(), "model": model, "data": data, "best": best, "usage": usage(tokens)
    })))
}

/// A request for each choice, tokenised as in training.
fn requests(
    input: &str,
    choices: Vec<String>,
    adapter: Option<String>,
    app: &App,
) -> Result<Vec<ForwardRequest>, ApiError> {
    let most = app.engines().options().tokens;
    let encoder = Encoder::new(tokenizer(app)?.clone(), app.engines().base().kind());
    // One more than is allowed, so that what is too long is refused and not cut.
    let encoder = encoder.with_max_input_tokens(most + 1).with_max_target_tokens(most + 1);
    let example =
        TextExample { input: input.into(), text_pair: None, answer: Answer::Choices { choices, answer: 0 } };
    let wrong = |error| ApiError::field("input", format!("cannot be read: {error}"));
    let example = encoder.encode(&example).map_err(wrong)?;
    let Target::Choices { choices, .. } = example.target else { return Ok(vec![]) };
    let request = |text: Vec<i64>| {
        check(&[example.input.as_slice(), text.as_slice()].concat(), app, "input")?;
        let wanted = Wanted::LogLikelihood { text };
        Ok(ForwardRequest::new(example.input.clone(), wanted).with_adapter(adapter.clone()))
    };
    choices.into_iter().map(request).collect()
}

/// The number of tokens of the text of a request.
fn length(request: &ForwardRequest) -> usize {
    match &request.wanted {
        Wanted::LogLikelihood { text } => text.len(),
        _ => 0,
    }
}
