//! The checks of a configuration that need no model.

use crate::rules::Rules;
use crate::{ConfigError, Ia3Config, Selector};

impl Ia3Config {
    /// Checks a configuration that a user wrote, as PEFT's constructor does (`tuners/ia3/config.py`), and compiles
    /// its regular expressions.
    ///
    /// Do not call it for a configuration that was read from a file: PEFT writes some that its constructor refuses; see
    /// [`Ia3Config::from_json`].
    ///
    /// # Errors
    /// - [`ConfigError::FeedforwardNotSubset`]: both fields are lists, and a feed-forward name is not literally one of the
    ///   target names.
    /// - [`ConfigError::InvalidPattern`] and [`ConfigError::UnsupportedPattern`]: a regular expression is wrong, including
    ///   one in `modules_to_save`.
    ///
    /// ```
    /// # use ia3_config::Ia3Config;
    /// let config = Ia3Config::new().with_target_modules(["k", "v"]).with_feedforward_modules(["wo"]);
    /// let error = config.validate().unwrap_err().to_string();
    /// assert!(error.contains("`feedforward_modules` should be a subset of `target_modules`"));
    /// ```
    pub fn validate(&self) -> Result<(), ConfigError> {
        if let (Some(Selector::Names(targets)), Some(Selector::Names(feedforward))) =
            (&self.target_modules, &self.feedforward_modules)
            && !feedforward.is_subset(targets)
        {
            return Err(ConfigError::FeedforwardNotSubset {
                extra: feedforward.difference(targets).cloned().collect(),
                targets: targets.iter().cloned().collect(),
            });
        }
        Rules::new(self).map(drop)
    }
}
