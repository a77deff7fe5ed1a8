//! Reading and writing `adapter_config.json`.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::selector::{ALL_LINEAR, Plain};
use crate::{ConfigError, Ia3Config, Selector, TaskType, python_json};

const PEFT_TYPE: &str = "IA3";

impl Ia3Config {
    /// Reads the text of an `adapter_config.json`.
    ///
    /// Only `peft_type` is required. A missing field has PEFT's default, and an unknown field is kept in
    /// [`Ia3Config::unknown`]. This function also reads the files that PEFT writes but refuses to read because
    /// `feedforward_modules` is not a subset of `target_modules`; [`Ia3Config::validate`] checks for that case.
    ///
    /// # Errors
    /// - [`ConfigError::Json`], with the path of the field: the JSON is broken, a field has the wrong type, the task type is
    ///   unknown, or a field appears twice.
    /// - [`ConfigError::MissingPeftType`] and [`ConfigError::WrongPeftType`]: the text is not the configuration of an (IA)³
    ///   adapter.
    ///
    /// ```
    /// # use ia3_config::{Ia3Config, Selector};
    /// let config = Ia3Config::from_json(r#"{"peft_type": "IA3", "target_modules": ["k", "v"]}"#)?;
    /// assert_eq!(config.target_modules, Some(Selector::from(["k", "v"])));
    /// # Ok::<(), ia3_config::ConfigError>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        match parse::<Map<String, Value>>(text)?.get("peft_type") {
            Some(Value::String(name)) if name == PEFT_TYPE => Ok(parse::<File>(text)?.into()),
            None | Some(Value::Null) => Err(ConfigError::MissingPeftType),
            Some(other) => Err(ConfigError::WrongPeftType { found: other.to_string() }),
        }
    }

    /// The text of an `adapter_config.json` as PEFT writes it: two spaces of indentation, sorted keys, only ASCII, and no
    /// line break at the end. The module names are sorted; in PEFT's files their order changes from run to run.
    pub fn to_json(&self) -> String {
        let mut fields = self.unknown.clone();
        fields.extend(self.known_fields());
        python_json::to_string(&fields.into_iter().collect())
    }

    fn known_fields(&self) -> [(String, Value); 13] {
        let text = |text: &Option<String>| Value::from(text.clone());
        [
            ("auto_mapping", Value::from(self.auto_mapping.clone())),
            ("base_model_name_or_path", text(&self.base_model_name_or_path)),
            ("exclude_modules", selector(&self.exclude_modules)),
            ("fan_in_fan_out", self.fan_in_fan_out.into()),
            ("feedforward_modules", selector(&self.feedforward_modules)),
            ("inference_mode", self.inference_mode.into()),
            ("init_ia3_weights", self.init_ia3_weights.into()),
            ("modules_to_save", Value::from(self.modules_to_save.clone())),
            ("peft_type", PEFT_TYPE.into()),
            ("peft_version", text(&self.peft_version)),
            ("revision", text(&self.revision)),
            ("target_modules", selector(&self.target_modules)),
            ("task_type", Value::from(self.task_type.map(TaskType::as_str))),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }
}

fn selector(selector: &Option<Selector>) -> Value {
    match selector {
        Some(Selector::Names(names)) => names.iter().cloned().collect(),
        Some(Selector::Pattern(pattern)) => pattern.clone().into(),
        Some(Selector::AllLinear) => ALL_LINEAR.into(),
        None => Value::Null,
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, ConfigError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| ConfigError::Json { path: error.path().to_string(), source: error.into_inner() })?;
    deserializer.end().map_err(|source| ConfigError::Json { path: ".".to_owned(), source })?;
    Ok(value)
}

/// The fields of the file. The default of a `bool` is `false`, as in PEFT, except for `init_ia3_weights`.
#[derive(Deserialize)]
struct File {
    auto_mapping: Option<Value>,
    base_model_name_or_path: Option<String>,
    exclude_modules: Option<Plain>,
    #[serde(default)]
    fan_in_fan_out: bool,
    feedforward_modules: Option<Plain>,
    #[serde(default)]
    inference_mode: bool,
    #[serde(default = "yes")]
    init_ia3_weights: bool,
    modules_to_save: Option<Vec<String>>,
    #[serde(rename = "peft_type")]
    _peft_type: Value,
    peft_version: Option<String>,
    revision: Option<String>,
    target_modules: Option<Selector>,
    task_type: Option<TaskType>,
    #[serde(flatten)]
    unknown: Unknown,
}

fn yes() -> bool {
    true
}

impl From<File> for Ia3Config {
    fn from(file: File) -> Self {
        Self {
            auto_mapping: file.auto_mapping,
            base_model_name_or_path: file.base_model_name_or_path,
            exclude_modules: file.exclude_modules.map(|Plain(selector)| selector),
            fan_in_fan_out: file.fan_in_fan_out,
            feedforward_modules: file.feedforward_modules.map(|Plain(selector)| selector),
            inference_mode: file.inference_mode,
            init_ia3_weights: file.init_ia3_weights,
            modules_to_save: file.modules_to_save,
            peft_version: file.peft_version,
            revision: file.revision,
            target_modules: file.target_modules,
            task_type: file.task_type,
            unknown: file.unknown.0,
        }
    }
}

/// The fields that `Fields` does not name. Reading them fails if one appears twice.
struct Unknown(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Unknown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UnknownVisitor)
    }
}

struct UnknownVisitor;

impl<'de> Visitor<'de> for UnknownVisitor {
    type Value = Unknown;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unknown, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if fields.contains_key(&name) {
                return Err(A::Error::custom(format!("duplicate field `{name}`")));
            }
            fields.insert(name, value);
        }
        Ok(Unknown(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_pefts() {
        let config =
            Ia3Config { inference_mode: true, peft_version: Some("0.21.2".into()), ..Ia3Config::new() }
                .with_target_modules(["v", "k", "wo"])
                .with_feedforward_modules([])
                .with_base_model("modèle")
                .with_modules_to_save(["z", "a"])
                .with_task_type(TaskType::Seq2SeqLm);
        let expected = r#"{
  "auto_mapping": null,
  "base_model_name_or_path": "mod\u00e8le",
  "exclude_modules": null,
  "fan_in_fan_out": false,
  "feedforward_modules": [],
  "inference_mode": true,
  "init_ia3_weights": true,
  "modules_to_save": [
    "z",
    "a"
  ],
  "peft_type": "IA3",
  "peft_version": "0.21.2",
  "revision": null,
  "target_modules": [
    "k",
    "v",
    "wo"
  ],
  "task_type": "SEQ_2_SEQ_LM"
}"#;
        assert_eq!(config.to_json(), expected);
    }

    #[test]
    fn a_file_of_peft_0_3_is_read() {
        let text = r#"{"base_model_name_or_path": "bigscience/mt0-large", "feedforward_modules": ["wi_1"],
            "inference_mode": true, "init_ia3_weights": true, "modules_to_save": null, "peft_type": "IA3",
            "target_modules": ["k", "v", "wi_1"], "task_type": "SEQ_2_SEQ_LM", "fan_in_fan_out": false}"#;
        let config = Ia3Config::from_json(text).unwrap();
        assert_eq!(config.feedforward_modules, Some(Selector::from(["wi_1"])));
        assert_eq!((config.revision, config.peft_version), (None, None));
    }

    #[test]
    fn only_peft_type_is_required() {
        assert_eq!(Ia3Config::from_json(r#"{"peft_type": "IA3"}"#).unwrap(), Ia3Config::default());
    }

    #[test]
    fn lists_are_sets_and_strings_are_patterns() {
        let text = r#"{"peft_type": "IA3", "target_modules": "All-Linear", "feedforward_modules": "All-Linear",
            "exclude_modules": ["b", "a", "b"]}"#;
        let config = Ia3Config::from_json(text).unwrap();
        assert_eq!(config.target_modules, Some(Selector::AllLinear));
        assert_eq!(config.feedforward_modules, Some(Selector::Pattern("All-Linear".into())));
        assert_eq!(config.exclude_modules, Some(Selector::from(["a", "b"])));
    }

    #[test]
    fn unknown_fields_are_kept() {
        let text = r#"{"peft_type": "IA3", "runtime_config": {"z": 1e-5, "a": [1]}}"#;
        let config = Ia3Config::from_json(text).unwrap();
        assert_eq!(config.unknown["runtime_config"]["z"], 1e-5);
        assert!(config.to_json().contains("\"z\": 1e-05"));
    }

    #[test]
    fn a_known_field_wins_over_an_unknown_one_of_its_name() {
        let mut config = Ia3Config::new();
        config.unknown.insert("peft_type".into(), "LORA".into());
        assert!(Ia3Config::from_json(&config.to_json()).is_ok());
    }
}
