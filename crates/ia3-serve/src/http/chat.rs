//! `/v1/chat/completions`.

use axum::extract::State;
use axum::response::Response;
use ia3::data::Conversation;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{Prompted, blocking, respond};
use super::app::App;
use super::error::ApiError;
use super::fields::Fields;
use super::kind::Kind;
use super::params::Params;
use super::tokenizer::tokenizer;

/// The most log-probabilities for each token.
const MAX_LOGPROBS: usize = 20;

#[derive(Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    content: Option<Content>,
    #[serde(flatten)]
    other: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    r#type: String,
    #[serde(default)]
    text: Option<String>,
}

pub(super) async fn complete(State(app): State<App>, mut fields: Fields) -> Result<Response, ApiError> {
    let mut params = Params::take(&mut fields, &app)?;
    let (wanted, top) = (fields.take("logprobs")?.unwrap_or(false), fields.take("top_logprobs")?);
    if top.is_some_and(|top| top > MAX_LOGPROBS || !wanted) {
        let problem = format!("needs `logprobs: true`, and is at most {MAX_LOGPROBS}");
        return Err(ApiError::field("top_logprobs", problem));
    }
    params.top_logprobs = wanted.then_some(top.unwrap_or(0));
    if let Some(format) = fields.take::<Value>("response_format")?
        && format["type"] != "text"
    {
        return Err(ApiError::field(
            "response_format",
            "is not text, and others are not supported by this server",
        ));
    }
    let messages: Vec<Message> = fields.need("messages")?;
    fields.finish()?;
    let conversation = conversation(messages)?;
    let of_blocking = app.clone();
    let prompt = blocking(move || prompt(&conversation, &of_blocking)).await?;
    respond(app, params, Prompted { kind: Kind::Chat, prompts: vec![prompt], most: usize::MAX }).await
}

fn conversation(messages: Vec<Message>) -> Result<Conversation, ApiError> {
    if messages.is_empty() {
        return Err(ApiError::field("messages", "is empty"));
    }
    let mut conversation = Conversation::new();
    for (i, message) in messages.into_iter().enumerate() {
        let name = |field: &str| format!("messages[{i}].{field}");
        // The name of a speaker is no part of what templates render.
        let left = |(field, value): &(&String, &Value)| !value.is_null() && field.as_str() != "name";
        if let Some((field, _)) = message.other.iter().find(left) {
            return Err(ApiError::field(name(field), "is not supported by this server; leave it out"));
        }
        let Some(content) = message.content else {
            return Err(ApiError::field(name("content"), "is missing"));
        };
        let content = match content {
            Content::Text(text) => text,
            Content::Parts(parts) => text_of(parts).ok_or_else(|| {
                ApiError::field(name("content"), "has a part that is not text, and others are not supported")
            })?,
        };
        conversation = conversation.with_message(&message.role, &content);
    }
    Ok(conversation)
}

fn text_of(parts: Vec<Part>) -> Option<String> {
    parts.into_iter().map(|part| part.text.filter(|_| part.r#type == "text")).collect()
}

fn prompt(conversation: &Conversation, app: &App) -> Result<Vec<i64>, ApiError> {
    let Some(template) = &app.options().template else {
        return Err(ApiError::request(
            "the base has no chat template; add its chat_template.jinja, or use /v1/completions",
        ));
    };
    let wrong = |error: ia3::data::DataError| {
        ApiError::field("messages", format!("cannot be rendered: {}", ia3_guard::quote_error(&error)))
    };
    let text = template.render(conversation, true).map_err(wrong)?;
    let ids = tokenizer(app)?.encode_plain(&text, None).map_err(wrong)?;
    match ids.is_empty() {
        true => Err(ApiError::field("messages", "give a prompt without tokens")),
        false => Ok(ids),
    }
}
