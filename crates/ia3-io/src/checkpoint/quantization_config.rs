//! `quantization_config` in `config.json`, which announces how the weights beside it are quantised.

use std::path::Path;

use ia3_core::Bits;
use serde_json::{Map, Value};

use crate::checkpoint::CheckpointError;
use crate::checkpoint::packed::config::{self as packed, Method};
use crate::checkpoint::quantization_fields::Fields;
use crate::checkpoint::quantized::names::word;
use crate::fs::{Limit, read_text, wrong_kind};

pub(crate) const CONFIG: &str = "config.json";
pub(crate) const FIELD: &str = "quantization_config";
/// The `quant_method` of this library's own format. transformers and PEFT do not know it and refuse it by name.
pub(crate) const METHOD: &str = "ia3";
pub(crate) const VERSION: u64 = 1;

/// What a `config.json` announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announced {
    Floats,
    /// This library's own integers.
    Integers(Bits),
    /// Weights that another program quantised.
    Packed(Method),
}

/// What the `config.json` of a folder announces. Without that file, the weights are floats.
pub(crate) fn of_folder(dir: &Path) -> Result<Announced, CheckpointError> {
    let path = dir.join(CONFIG);
    let Some(config) = read(&path)? else { return Ok(Announced::Floats) };
    match config.get(FIELD) {
        None | Some(Value::Null) => Ok(Announced::Floats),
        Some(fields) => announced(&Fields { path: &path, fields }),
    }
}

fn announced(fields: &Fields) -> Result<Announced, CheckpointError> {
    match packed::method(fields)? {
        Some(method) => Ok(Announced::Packed(method)),
        None => own(fields).map(Announced::Integers),
    }
}

fn own(fields: &Fields) -> Result<Bits, CheckpointError> {
    fields.expect(
        "quant_method",
        |found| found == METHOD,
        "\"ia3\", \"gptq\", \"awq\", \"bitsandbytes\" or \"torchao\"; other methods are not read, take the float model",
    )?;
    fields.expect("version", |found| found == VERSION, "1; a newer version of ia3 may read it")?;
    let is_bits = |found: &Value| found == "int8" || found == "int4";
    let weights = fields.expect("weights", is_bits, "\"int8\" or \"int4\"")?;
    Ok(if weights == word(Bits::Eight) { Bits::Eight } else { Bits::Four })
}

/// The content of a `config.json`; `None` without that file.
pub(crate) fn read(path: &Path) -> Result<Option<Map<String, Value>>, CheckpointError> {
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
