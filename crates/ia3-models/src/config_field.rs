//! Reads and checks fields of `config.json`.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::error::ModelError;

/// Another name under which `config.json` may hold a field.
pub(crate) enum Spelling {
    /// An attribute that transformers maps to the field (`attribute_map`). It takes precedence over the name of the field.
    Attribute(&'static str, &'static str),
    /// The name that an older version wrote. It is used if the field itself is absent.
    Old(&'static str, &'static str),
    /// The value of an absent field, where the model types that share a configuration differ in it.
    Absent(&'static str, i64),
}

impl Spelling {
    fn apply(&self, fields: &mut Map<String, Value>) {
        match self {
            Self::Attribute(other, name) => {
                if let Some(value) = fields.remove(*other) {
                    fields.insert((*name).into(), value);
                }
            }
            Self::Old(other, name) => {
                if let Some(value) = fields.remove(*other).filter(|value| !value.is_null()) {
                    fields.entry(*name).or_insert(value);
                }
            }
            Self::Absent(name, value) => {
                fields.entry(*name).or_insert((*value).into());
            }
        }
    }
}

/// Reads the whole configuration of an architecture. If a field appears twice, its last value is used, as in Python.
pub(crate) fn read<T: DeserializeOwned>(
    text: &str,
    model_type: &str,
    spellings: &[Spelling],
) -> Result<T, ModelError> {
    let json = |at, source| ModelError::Json { model_type: model_type.to_string(), at, source };
    let mut fields: Map<String, Value> =
        serde_json::from_str(text).map_err(|source| json(String::new(), source))?;
    spellings.iter().for_each(|spelling| spelling.apply(&mut fields));
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let path = error.path().to_string();
        let at = if path == "." { String::new() } else { format!("`{path}`: ") };
        json(at, error.into_inner())
    })
}

/// Reads a field whose absence has another meaning than `null`. The outer `Option` is `None` if the field is absent.
pub(crate) fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Reads a boolean that is `false` if it is `null`, as in Python.
pub(crate) fn switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(false))
}

pub(crate) fn expect(
    ok: bool,
    field: &'static str,
    found: impl ToString,
    expected: &'static str,
) -> Result<(), ModelError> {
    match ok {
        true => Ok(()),
        false => Err(ModelError::Field { field, found: found.to_string(), expected }),
    }
}

/// Checks sizes of weights. With [`expect_layers`] the upper bound keeps the bytes of a model, and of the optimiser that trains
/// all of it, below 2^64.
pub(crate) fn expect_sizes<const N: usize>(sizes: [(&'static str, usize); N]) -> Result<(), ModelError> {
    sizes.into_iter().try_for_each(|(field, value)| {
        expect((1..=1 << 21).contains(&value), field, value, "a positive size of at most 2097152")
    })
}

pub(crate) fn expect_layers(field: &'static str, n: usize) -> Result<(), ModelError> {
    expect((1..=1_000).contains(&n), field, n, "1 to 1000 layers")
}

pub(crate) fn expect_dropout(field: &'static str, share: f64) -> Result<(), ModelError> {
    expect((0.0..1.0).contains(&share), field, share, "a share from 0 to below 1")
}

pub(crate) fn expect_positive(field: &'static str, number: f64) -> Result<(), ModelError> {
    expect(number > 0.0 && number.is_finite(), field, number, "a positive number")
}

/// Checks that `parts` divides `whole`.
pub(crate) fn expect_divides(
    field: &'static str,
    parts: usize,
    whole: usize,
    expected: &'static str,
) -> Result<(), ModelError> {
    expect(parts > 0 && whole.is_multiple_of(parts), field, parts, expected)
}

/// Reads one id, several ids or `null`. Hugging Face writes all three forms.
pub(crate) fn ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Ids {
        One(i64),
        Many(Vec<i64>),
    }
    Ok(match Option::<Ids>::deserialize(deserializer)? {
        Some(Ids::One(id)) => vec![id],
        Some(Ids::Many(ids)) => ids,
        None => vec![],
    })
}

/// Reads ids as [`ids`] does, for a field whose absence has another meaning than `null`.
pub(crate) fn some_ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<i64>>, D::Error> {
    ids(deserializer).map(Some)
}
