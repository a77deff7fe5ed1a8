//! `adapter_config.json` of AdapterHub's library `adapters` (`configuration/adapter_config.py`, `IA3Config`).

use std::collections::BTreeSet;
use std::path::Path;

use ia3_config::ModelInfo;
use ia3_io::fs::{Limit, read_text};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::ConvertError;
use crate::t5;

/// The fields of the file that matter to the vectors.
#[derive(Serialize, Deserialize)]
pub(super) struct HubFile {
    /// The method and the layers that have it.
    config: Value,
    hidden_size: Option<usize>,
    model_class: Option<String>,
    pub(super) model_name: Option<String>,
    pub(super) model_type: Option<String>,
    /// The name of the adapter, a part of its keys.
    pub(super) name: String,
    version: Option<String>,
}

impl HubFile {
    /// Reads the file, and checks that its method is (IA)³.
    pub(super) fn read(path: &Path) -> Result<Self, ConvertError> {
        let invalid = |source| ConvertError::AdapterHubConfig { path: path.to_owned(), source };
        let json: Value = serde_json::from_str(&read_text(path, Limit::CONFIG)?).map_err(invalid)?;
        check(path, &json)?;
        serde_json::from_value(json).map_err(invalid)
    }

    /// The file for vectors on these layers of T5, as version 1.3.0 of the library writes it.
    pub(super) fn of(layers: &[t5::Layer], model_name: Option<String>, base: Option<&ModelInfo>) -> Self {
        let model_type = base.and_then(|base| base.model_type.clone()).unwrap_or_else(|| "t5".to_string());
        let class =
            if model_type == "mt5" { "MT5ForConditionalGeneration" } else { "T5ForConditionalGeneration" };
        Self {
            config: config(layers),
            hidden_size: None,
            model_class: Some(class.to_string()),
            model_name: Some(model_name.unwrap_or_default()),
            model_type: Some(model_type),
            name: "ia3".to_string(),
            version: Some("adapters.1.3.0".to_string()),
        }
    }
}

fn config(layers: &[t5::Layer]) -> Value {
    let has = |names: &[&str]| layers.iter().any(|layer| !layer.attention && names.contains(&layer.name));
    let attention: BTreeSet<&str> = layers.iter().filter(|l| l.attention).map(|l| l.name).collect();
    json!({
        "alpha": 1,
        "architecture": "lora",
        "attn_matrices": attention,
        "composition_mode": "scale",
        "dropout": 0.0,
        "dtype": null,
        "init_weights": "ia3",
        "init_weights_seed": null,
        "intermediate_lora": has(&["wi", "wi_1"]),
        "leave_out": [],
        "output_lora": has(&["wo"]),
        "r": 1,
        "selfattn_lora": !attention.is_empty(),
        "use_dora": false,
        "use_gating": false,
        "vera_b": null,
        "vera_d": null,
    })
}

/// Checks that the method is (IA)³, which AdapterHub describes as a LoRA of rank 1 that multiplies and has no gate.
fn check(path: &Path, json: &Value) -> Result<(), ConvertError> {
    for (field, expected) in [
        ("architecture", "\"lora\""),
        ("composition_mode", "\"scale\""),
        ("r", "1"),
        ("alpha", "1"),
        ("use_gating", "false"),
        ("use_dora", "false"),
    ] {
        let found = json.get("config").and_then(|config| config.get(field)).unwrap_or(&Value::Null);
        // Older versions of the library lack the last two fields, and write numbers with a decimal point.
        let is_right = match expected {
            "1" => found.as_f64() == Some(1.0),
            "false" => found.is_null() || *found == Value::Bool(false),
            _ => found.as_str().is_some_and(|found| found == expected.trim_matches('"')),
        };
        if !is_right {
            let (path, found) = (path.to_owned(), found.to_string());
            return Err(ConvertError::AdapterHubField { path, field, expected, found });
        }
    }
    Ok(())
}
