//! Reading and writing `adapter_config.json`.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::selector::{ALL_LINEAR, Plain};
use crate::{ConfigError, Ia3Config, Selector, TaskType, python_json};

const PEFT_TYPE: &str = "IA3";

impl Ia3Config {
    /// Reads the text of an `adapter_config.json`.
    ///
    /// Only `peft_type` is required: a missing field has PEFT's default, an unknown one is kept in
    /// [`Ia3Config::unknown`]. Files that PEFT writes but refuses to read, because `feedforward_modules` is no subset
    /// of `target_modules`, are read; [`Ia3Config::validate`] has that check.
    ///
    /// # Errors
    /// [`ConfigError::Json`] with the path of the field for broken JSON, a wrong type, an unknown task type or a
    /// field that appears twice; [`ConfigError::MissingPeftType`] and [`ConfigError::WrongPeftType`] for the
    /// configuration of something else.
    ///
    /// ```
    /// # use ia3_config::{Ia3Config, Selector};
    /// let config = Ia3Config::from_json(r#"{"peft_type": "IA3", "target_modules": ["k", "v"]}"#)?;
    /// assert_eq!(config.target_modules, Some(Selector::from(["k", "v"])));
    /// # Ok::<(), ia3_config::ConfigError>(())
    /// ```
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        match parse::<Probe>(text)?.peft_type {
            Some(Value::String(name)) if name == PEFT_TYPE => Ok(parse::<File>(text)?.into()),
            Some(other) if !other.is_null() => Err(ConfigError::WrongPeftType { found: other.to_string() }),
            _ => Err(ConfigError::MissingPeftType),
        }
    }

    /// The text of an `adapter_config.json` as PEFT writes it: indented by two, sorted keys, ASCII, no line break at
    /// the end. Module names are sorted, where PEFT's order changes from run to run.
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

#[derive(Deserialize)]
struct Probe {
    peft_type: Option<Value>,
}

/// The fields of the file. The defaults of `bool` are PEFT's, but for `init_ia3_weights`.
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

/// The fields that are not named above, none of them twice.
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
