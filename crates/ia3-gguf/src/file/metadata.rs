//! The keys of a file and their values.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::value::{Array, Value};
use crate::error::GgufError;

/// The keys of a file and their values, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    path: PathBuf,
    entries: Vec<(String, Value)>,
    places: BTreeMap<String, usize>,
}

impl Metadata {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), ..Self::default() }
    }

    /// Adds a key. Returns `false` if it is there already.
    pub(crate) fn insert(&mut self, key: String, value: Value) -> bool {
        let place = self.entries.len();
        self.entries.push((key.clone(), value));
        self.places.insert(key, place).is_none()
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The keys and values in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.places.get(key).and_then(|&place| self.entries.get(place)).map(|(_, value)| value)
    }

    /// The architecture, such as `llama`.
    ///
    /// # Errors
    ///
    /// [`GgufError::NoKey`], [`GgufError::KeyType`].
    pub fn architecture(&self) -> Result<&str, GgufError> {
        const KEY: &str = "general.architecture";
        self.text(KEY)?.ok_or_else(|| self.no_key(KEY))
    }

    /// The error for a key that is missing.
    pub fn no_key(&self, key: &str) -> GgufError {
        GgufError::NoKey { path: self.path.clone(), key: key.to_owned() }
    }

    fn wrong(&self, key: &str, value: &Value, expected: &'static str) -> GgufError {
        let (path, found) = (self.path.clone(), value.kind().name());
        GgufError::KeyType { path, key: key.to_owned(), found, expected }
    }

    fn as_type<'a, T>(
        &'a self,
        key: &str,
        expected: &'static str,
        get: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, GgufError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        get(value).map(Some).ok_or_else(|| self.wrong(key, value, expected))
    }

    /// A text.
    ///
    /// # Errors
    ///
    /// [`GgufError::KeyType`] for a value of another type; so do the other functions of this kind.
    pub fn text(&self, key: &str) -> Result<Option<&str>, GgufError> {
        self.as_type(key, "a text", |value| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// An integer that is not negative, of any size.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text).
    pub fn unsigned(&self, key: &str) -> Result<Option<u64>, GgufError> {
        self.as_type(key, "an integer that is not negative", |value| match value {
            Value::Integer(_, value) => u64::try_from(*value).ok(),
            _ => None,
        })
    }

    /// A float, or an integer as a float.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text).
    pub fn float(&self, key: &str) -> Result<Option<f64>, GgufError> {
        self.as_type(key, "a float", |value| match value {
            Value::Float(_, value) => Some(*value),
            Value::Integer(_, value) => Some(*value as f64),
            _ => None,
        })
    }

    /// A boolean.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text).
    pub fn flag(&self, key: &str) -> Result<Option<bool>, GgufError> {
        self.as_type(key, "a boolean", |value| match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        })
    }

    /// An array; its elements are read with [`GgufFile::texts`](super::GgufFile::texts) and its like.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text).
    pub fn array(&self, key: &str) -> Result<Option<Array>, GgufError> {
        self.as_type(key, "an array", |value| match value {
            Value::Array(array) => Some(*array),
            _ => None,
        })
    }
}
