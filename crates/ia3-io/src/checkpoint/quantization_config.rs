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

/// This library's own format of integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OwnFormat {
    /// The bits of the weights; of the smallest ones in version 2.
    pub(crate) bits: Bits,
    /// 1: integers of one size, whose range is symmetric around 0, and scales. 2: also minima, the full range, and weights of 4
    /// bits beside weights of 8 bits.
    pub(crate) version: u64,
}

/// What a `config.json` announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announced {
    Floats,
    /// This library's own integers.
    Integers(OwnFormat),
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

fn own(fields: &Fields) -> Result<OwnFormat, CheckpointError> {
    fields.expect(
        "quant_method",
        |found| found == METHOD,
        "\"ia3\", \"gptq\", \"awq\", \"bitsandbytes\" or \"torchao\"; other methods are not read, take the float model",
    )?;
    let is_version = |found: &Value| found == 1 || found == 2;
    let version = fields.expect("version", is_version, "1 or 2; a newer version of ia3 may read it")?;
    let is_bits = |found: &Value| found == "int8" || found == "int4";
    let weights = fields.expect("weights", is_bits, "\"int8\" or \"int4\"")?;
    let bits = if weights == word(Bits::Eight) { Bits::Eight } else { Bits::Four };
    Ok(OwnFormat { bits, version: if version == 1 { 1 } else { 2 } })
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
