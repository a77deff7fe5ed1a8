//! The rules of a resolved configuration, compiled so that paths can be checked against them.

use crate::matcher::Matcher;
use crate::saved_names::SavedNames;
use crate::{ConfigError, Ia3Config, Placement, Selector};

/// The result of checking a module against the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Target,
    /// `exclude_modules` or `modules_to_save` excludes the module, whether `target_modules` names it or not.
    Excluded,
    Other,
}

pub(crate) struct Rules {
    target: Matcher,
    feedforward: Matcher,
    exclude: Option<Matcher>,
    saved: SavedNames,
}

impl Rules {
    /// Compiles the rules. A field that is not set selects nothing.
    pub(crate) fn new(config: &Ia3Config) -> Result<Self, ConfigError> {
        let matcher = |selector: &Option<Selector>| match selector {
            Some(selector) => Matcher::new(selector),
            None => Ok(Matcher::Names(Default::default())),
        };
        // PEFT treats an empty string or list as a field that is not set.
        let exclude = config.exclude_modules.as_ref().filter(|selector| !selector.is_empty());
        Ok(Self {
            target: matcher(&config.target_modules)?,
            feedforward: matcher(&config.feedforward_modules)?,
            exclude: exclude.map(Matcher::new).transpose()?,
            saved: SavedNames::new(config.modules_to_save.iter().flatten())?,
        })
    }

    /// Checks a path as PEFT's `check_target_module_exists` does (`tuners/tuners_utils.py`), in the same order.
    pub(crate) fn verdict(&self, path: &str) -> Result<Verdict, ConfigError> {
        if self.is_excluded(path)? {
            return Ok(Verdict::Excluded);
        }
        Ok(match self.is_target(path)? {
            true => Verdict::Target,
            false => Verdict::Other,
        })
    }

    fn is_excluded(&self, path: &str) -> Result<bool, ConfigError> {
        if let Some(exclude) = &self.exclude
            && exclude.selects(path)?
        {
            return Ok(true);
        }
        self.saved.contain(path)
    }

    /// Whether `target_modules` selects the path, even if it is excluded.
    pub(crate) fn is_target(&self, path: &str) -> Result<bool, ConfigError> {
        self.target.selects(path)
    }

    /// The placement of a target's vector, as PEFT's `_check_target_module_feedforward` decides it
    /// (`tuners/ia3/model.py`).
    pub(crate) fn placement(&self, path: &str) -> Result<Placement, ConfigError> {
        Ok(match self.feedforward.selects_end(path)? {
            true => Placement::Input,
            false => Placement::Output,
        })
    }
}
