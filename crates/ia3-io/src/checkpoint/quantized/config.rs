//! `quantization_config` in `config.json`, which announces that the weights beside it are integers.

use std::path::Path;

use ia3_core::Bits;
use serde_json::{Map, Value, json};

use super::names::word;
use crate::checkpoint::CheckpointError;
use crate::fs::{Limit, read_text, wrong_kind};

pub(crate) const CONFIG: &str = "config.json";
const FIELD: &str = "quantization_config";
/// The `quant_method` of this format. transformers and PEFT do not know it and refuse it by name.
const METHOD: &str = "ia3";
const VERSION: u64 = 1;

/// The number of bits that `config.json` of a folder announces; `None` for floats, or without that file.
pub(crate) fn of_folder(dir: &Path) -> Result<Option<Bits>, CheckpointError> {
    let path = dir.join(CONFIG);
    let Some(config) = config(&path)? else { return Ok(None) };
    match config.get(FIELD) {
        None | Some(Value::Null) => Ok(None),
        Some(fields) => bits(&path, fields).map(Some),
    }
}

fn bits(path: &Path, fields: &Value) -> Result<Bits, CheckpointError> {
    let expect = |field: &'static str, ok: fn(&Value) -> bool, expected: &'static str| {
        let found = fields.get(field).unwrap_or(&Value::Null);
        match ok(found) {
            true => Ok(found),
            false => Err(CheckpointError::QuantizationConfig {
                path: path.to_owned(),
                field,
                found: found.to_string(),
                expected,
            }),
        }
    };
    expect(
        "quant_method",
        |found| found == METHOD,
        "\"ia3\"; other methods are not read, take the float model",
    )?;
    expect("version", |found| found == VERSION, "1; a newer version of ia3 may read it")?;
    let weights = expect("weights", |found| found == "int8" || found == "int4", "\"int8\" or \"int4\"")?;
    Ok(if weights == word(Bits::Eight) { Bits::Eight } else { Bits::Four })
}

/// The `config.json` to write beside weights of `bits`, or beside floats: that at `path` or else that of the base, with the
/// right `quantization_config`. `None` if there is nothing to change.
pub(crate) fn config_text(
    path: &Path,
    base: Option<&Path>,
    bits: Option<Bits>,
) -> Result<Option<String>, CheckpointError> {
    let mut found = config(path)?;
    if let (None, Some(base)) = (&found, base) {
        found = config(&base.join(CONFIG))?;
    }
    Ok(announcing(found.unwrap_or_default(), bits))
}

/// The `config.json` at `path` with the `quantization_config` of the weights that it is copied beside. `None` if a plain copy
/// is right.
pub(crate) fn copied_text(path: &Path, bits: Option<Bits>) -> Result<Option<String>, CheckpointError> {
    if bits.is_none() && !read_text(path, Limit::CONFIG)?.contains(METHOD) {
        return Ok(None);
    }
    let config = config(path)?.unwrap_or_default();
    let method = config.get(FIELD).and_then(|fields| fields.get("quant_method"));
    let of_other_floats = bits.is_none() && method.is_none_or(|method| method != METHOD);
    Ok(if of_other_floats { None } else { announcing(config, bits) })
}

/// The text of a configuration with the `quantization_config` of these weights; `None` if nothing changes.
fn announcing(mut config: Map<String, Value>, bits: Option<Bits>) -> Option<String> {
    let before = config.remove(FIELD);
    let Some(bits) = bits else {
        return before.map(|_| text(config));
    };
    let fields = json!({ "quant_method": METHOD, "version": VERSION, "weights": word(bits) });
    config.insert(FIELD.into(), fields);
    Some(text(config))
}

fn text(config: Map<String, Value>) -> String {
    format!("{:#}\n", Value::Object(config))
}

fn config(path: &Path) -> Result<Option<Map<String, Value>>, CheckpointError> {
    if !path.exists() {
        return Ok(None);
    }
    let text = read_text(path, Limit::CONFIG)?;
    let parsed = serde_json::from_str(&text).map(Some);
    parsed.map_err(|source| {
        wrong_kind(path, text.as_bytes()).map_or_else(
            || CheckpointError::ModelConfig { path: path.to_owned(), source },
            CheckpointError::from,
        )
    })
}
