//! Loading and unloading adapters on request, where the server allows it.

use axum::extract::State;
use serde_json::json;

use super::app::App;
use super::error::ApiError;
use super::fields::Fields;
use super::json::Json;

/// `/v1/load_adapter`, and `/v1/load_lora_adapter` with vLLM's names of the fields.
pub(super) async fn load(State(app): State<App>, mut fields: Fields) -> Result<Json, ApiError> {
    let name = take_name(&app, &mut fields)?;
    let folder: Option<String> = match fields.take("path")? {
        Some(path) => Some(path),
        None => fields.take("lora_path")?,
    };
    fields.finish()?;
    if app.adapter(&name).is_none() {
        return Err(ApiError::field("name", "is the name of the base"));
    }
    let folder = folder.unwrap_or_else(|| name.clone());
    let generation = app.engines().load(&name, &folder).await?;
    Ok(Json(json!({"object": "adapter", "id": name, "loaded": true, "generation": generation})))
}

/// `/v1/unload_adapter`, and `/v1/unload_lora_adapter`.
pub(super) async fn unload(State(app): State<App>, mut fields: Fields) -> Result<Json, ApiError> {
    let name = take_name(&app, &mut fields)?;
    fields.finish()?;
    let generation = app.engines().unload(&name)?;
    Ok(Json(json!({"object": "adapter", "id": name, "loaded": false, "generation": generation})))
}

/// The name of the adapter, if the list of adapters is still the one that the client knows.
fn take_name(app: &App, fields: &mut Fields) -> Result<String, ApiError> {
    if !app.options().allow_loading {
        return Err(ApiError::forbidden(
            "this server does not let requests load or unload adapters (--allow-loading); put a folder below that of the adapters",
        ));
    }
    let expected: Option<u64> = fields.take("expected_generation")?;
    let generation = app.engines().generation();
    if expected.is_some_and(|expected| expected != generation) {
        return Err(ApiError::conflict(format!(
            "`expected_generation` is {}, but others have changed the adapters since, and it is {generation} now",
            expected.unwrap_or_default()
        )));
    }
    let name = match fields.take("name")? {
        Some(name) => Some(name),
        None => fields.take("lora_name")?,
    };
    name.ok_or_else(|| ApiError::field("name", "is missing"))
}
