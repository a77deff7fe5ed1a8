//! The `quantization_config` to write beside weights.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::names::word;
use crate::checkpoint::CheckpointError;
use crate::checkpoint::packed::config::METHODS;
use crate::checkpoint::quantization_config::{CONFIG, FIELD, METHOD, OwnFormat, read};
use crate::fs::{Limit, read_text};

/// The `config.json` to write beside weights of this format, or beside floats: that at `path` or else that of the base, with the
/// right `quantization_config`. `None` if there is nothing to change.
pub(crate) fn config_text(
    path: &Path,
    base: Option<&Path>,
    format: Option<OwnFormat>,
) -> Result<Option<String>, CheckpointError> {
    let mut found = read(path)?;
    if let (None, Some(base)) = (&found, base) {
        found = read(&base.join(CONFIG))?;
    }
    Ok(announcing(found.unwrap_or_default(), format))
}

/// The `config.json` at `path` with the `quantization_config` of the weights that it is copied beside, which are integers of
/// this format, or floats. `None` if a plain copy is right.
pub(crate) fn copied_text(path: &Path, format: Option<OwnFormat>) -> Result<Option<String>, CheckpointError> {
    if format.is_none() && !read_text(path, Limit::CONFIG)?.contains(FIELD) {
        return Ok(None);
    }
    let config = read(path)?.unwrap_or_default();
    let method = config.get(FIELD).and_then(|fields| fields.get("quant_method")).and_then(Value::as_str);
    let is_read = method.is_some_and(|method| method == METHOD || METHODS.contains(&method));
    Ok(if format.is_none() && !is_read { None } else { announcing(config, format) })
}

/// The text of a configuration with the `quantization_config` of these weights; `None` if nothing changes.
fn announcing(mut config: Map<String, Value>, format: Option<OwnFormat>) -> Option<String> {
    let before = config.remove(FIELD);
    let Some(OwnFormat { bits, version }) = format else {
        return before.map(|_| text(config));
    };
    let fields = json!({ "quant_method": METHOD, "version": version, "weights": word(bits) });
    config.insert(FIELD.into(), fields);
    Some(text(config))
}

fn text(config: Map<String, Value>) -> String {
    format!("{:#}\n", Value::Object(config))
}
