//! `/v1/embeddings`.

use axum::extract::State;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ia3::Task;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::blocking;
use super::app::App;
use super::error::ApiError;
use super::fields::Fields;
use super::inputs::{self, Input};
use super::json::Json;
use super::passes::{all, usage};
use super::tokenizer::tokenizer;
use crate::forward::{ForwardRequest, Wanted};

/// How the numbers are written. OpenAI's client for Python asks for base64 and decodes it.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    Float,
    Base64,
}

pub(super) async fn embed(State(app): State<App>, mut fields: Fields) -> Result<Json, ApiError> {
    let model: String = fields.need("model")?;
    let encoding = fields.take("encoding_format")?.unwrap_or(Encoding::Float);
    let dimensions: Option<usize> = fields.take("dimensions")?;
    let inputs = inputs::take(&mut fields, "input")?;
    fields.finish()?;
    if app.engines().base().task() == Task::Seq2SeqLm {
        return Err(ApiError::field("model", "is an encoder-decoder, which has no embeddings of texts here"));
    }
    let adapter = app.adapter(&model).map(str::to_string);
    let of_blocking = app.clone();
    let requests = blocking(move || {
        let request = |input: Input| {
            let ids = tokens(input, &of_blocking)?;
            let sentence = &of_blocking.options().sentence;
            let wanted = Wanted::Embedding { pooling: sentence.pooling, normalize: sentence.normalize };
            Ok(ForwardRequest::new(ids, wanted).with_adapter(adapter.clone()))
        };
        inputs.into_iter().map(request).collect::<Result<Vec<_>, ApiError>>()
    })
    .await?;
    let tokens = requests.iter().map(|request| request.ids.len()).sum();
    let embeddings = all(&app, requests).await?;
    let width = embeddings.first().map_or(0, Vec::len);
    if let Some(wrong) = dimensions.filter(|dimensions| *dimensions != width) {
        let problem = format!("is {wrong}, but embeddings of this model have {width}, and are not shortened");
        return Err(ApiError::field("dimensions", problem));
    }
    let entry = |(index, values): (usize, &Vec<f32>)| json!({"object": "embedding", "index": index, "embedding": written(values, encoding)});
    let data: Vec<Value> = embeddings.iter().enumerate().map(entry).collect();
    Ok(Json(json!({"object": "list", "model": model, "data": data, "usage": usage(tokens)})))
}

fn written(values: &[f32], encoding: Encoding) -> Value {
    match encoding {
        Encoding::Float => json!(values),
        Encoding::Base64 => {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            json!(BASE64_STANDARD.encode(bytes))
        }
    }
}

/// The tokens of a text, as sentence-transformers reads it: cut to the length that the folder of the base gives.
fn tokens(input: Input, app: &App) -> Result<Vec<i64>, ApiError> {
    let sentence = &app.options().sentence;
    let most = app.engines().options().tokens;
    let max = sentence.max_tokens.map(|max| max.min(most));
    match input {
        Input::Text(text) => {
            let wrong = |error| ApiError::field("input", format!("cannot be read: {error}"));
            let ids = tokenizer(app)?.encode(&sentence.text(&text), max).map_err(wrong)?;
            inputs::check(&ids, app, "input")?;
            Ok(ids)
        }
        Input::Pair { .. } => Err(ApiError::field("input", "has two texts, of which there is no embedding")),
        Input::Ids(_) => Ok(input.tokens(app, "input", max)?.ids),
    }
}
