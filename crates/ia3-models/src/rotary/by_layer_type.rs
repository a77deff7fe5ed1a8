//! Rotary embeddings as fields of `config.json`, which may differ between layers with a window and layers without one.

use serde_json::{Map, Value};

use super::parameters::RopeParameters;
use crate::error::ModelError;

/// What `rope_parameters` says of layers without a window and of layers with one. Where it says nothing of one of them, that is
/// the `rope_type` `default`.
pub(crate) fn fields_by_layer_type(rope_parameters: Option<&Map<String, Value>>) -> [Map<String, Value>; 2] {
    ["full_attention", "sliding_attention"].map(|layer_type| {
        let written = rope_parameters.and_then(|all| all.get(layer_type)?.as_object().cloned());
        written.unwrap_or_else(|| Map::from_iter([("rope_type".into(), "default".into())]))
    })
}

impl RopeParameters {
    /// Reads one description of rotary embeddings. `model_type` is for the message of an error.
    pub(crate) fn from_fields(fields: Map<String, Value>, model_type: &str) -> Result<Self, ModelError> {
        serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| ModelError::Json {
            model_type: model_type.into(),
            at: format!("`{}` of the rotary embeddings: ", error.path()),
            source: error.into_inner(),
        })
    }
}
