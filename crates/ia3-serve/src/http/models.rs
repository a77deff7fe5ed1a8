//! The list of models, and whether the server lives.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use ia3::Task;
use serde_json::{Value, json};

use super::app::App;
use super::error::ApiError;
use super::json::Json;
use crate::error::ServeError;

pub(super) async fn health() -> &'static str {
    "ok"
}

/// Whether the server takes requests: not while it ends.
pub(super) async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    match app.engines().is_ending() {
        true => (StatusCode::SERVICE_UNAVAILABLE, "shutting down"),
        false => (StatusCode::OK, "ready"),
    }
}

pub(super) async fn list(State(app): State<App>) -> Result<Json, ApiError> {
    let names = super::answer::blocking({
        let app = app.clone();
        move || Ok(app.engines().adapters())
    })
    .await?;
    let adapters = names.iter().map(|name| model(&app, Some(name)));
    let models: Vec<Value> = std::iter::once(model(&app, None)).chain(adapters).collect();
    Ok(Json(json!({"object": "list", "data": models})))
}

pub(super) async fn one(State(app): State<App>, Path(name): Path<String>) -> Result<Json, ApiError> {
    match app.adapter(&name) {
        None => Ok(Json(model(&app, None))),
        Some(adapter) if app.engines().has_adapter(adapter) => Ok(Json(model(&app, Some(adapter)))),
        Some(_) => Err(ServeError::NoModel { name }.into()),
    }
}

/// A model as vLLM describes it: the base, or an adapter whose parent is the base. `root` is where it comes from.
fn model(app: &App, adapter: Option<&str>) -> Value {
    let base = app.options().base_name.as_str();
    json!({
        "id": adapter.unwrap_or(base),
        "object": "model",
        "created": app.started(),
        "owned_by": "ia3",
        "root": adapter.unwrap_or(base),
        "parent": adapter.map(|_| base),
        "max_model_len": app.engines().options().tokens,
        "answers": answers(app),
    })
}

/// What the base can be asked for: the last parts of the addresses.
fn answers(app: &App) -> Vec<&'static str> {
    match app.engines().base().task() {
        Task::CausalLm if app.options().template.is_some() => {
            vec!["chat.completions", "completions", "embeddings", "rank"]
        }
        Task::CausalLm => vec!["completions", "embeddings", "rank"],
        Task::Seq2SeqLm => vec!["completions", "rank"],
        Task::SequenceClassification => vec!["classify", "embeddings"],
        Task::FeatureExtraction => vec!["embeddings"],
        _ => vec![],
    }
}
