//! The fields of a `quantization_config`, each checked as it is read.

use std::path::Path;

use serde_json::Value;

use crate::checkpoint::CheckpointError;

/// The fields of a `quantization_config`.
pub(crate) struct Fields<'a> {
    pub(super) path: &'a Path,
    pub(super) fields: &'a Value,
}

impl Fields<'_> {
    /// The value of a field; `null` if it is absent.
    pub(crate) fn get(&self, field: &str) -> &Value {
        self.fields.get(field).unwrap_or(&Value::Null)
    }

    /// The value of a field, if it is what it should be.
    pub(crate) fn expect(
        &self,
        field: &'static str,
        ok: impl Fn(&Value) -> bool,
        expected: &'static str,
    ) -> Result<&Value, CheckpointError> {
        let found = self.get(field);
        match ok(found) {
            true => Ok(found),
            false => Err(CheckpointError::QuantizationConfig {
                path: self.path.to_owned(),
                field,
                found: found.to_string(),
                expected,
            }),
        }
    }
}
