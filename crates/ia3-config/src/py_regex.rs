//! Python's `re.fullmatch`.

use crate::ConfigError;

/// A Python regular expression.
#[derive(Clone, Debug)]
pub struct PyRegex {
    regex: regex::Regex,
}

impl PyRegex {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(pattern: &str) -> Result<Self, ConfigError> {
        let regex = regex::Regex::new(&format!(r"\A(?:{pattern})\z"));
        let regex = regex.map_err(|_| ConfigError::UnknownTaskType {
            found: String::new(),
        })?;
        Ok(Self { regex })
    }

    /// Whether the pattern matches the whole text.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn fullmatch(&self, text: &str) -> Result<bool, ConfigError> {
        Ok(self.regex.is_match(text))
    }
}
