//! The rules of a resolved configuration, ready to be asked about paths.

use crate::matcher::Matcher;
use crate::{ConfigError, Ia3Config, Placement, PyRegex, Selector};

/// What the rules say of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Target,
    /// By `exclude_modules` or `modules_to_save`, whether it is named as a target or not.
    Excluded,
    Other,
}

pub(crate) struct Rules {
    target: Matcher,
    feedforward: Matcher,
    exclude: Option<Matcher>,
    saved: Vec<PyRegex>,
}

impl Rules {
    /// Compiles the rules. A field that is not set selects nothing.
    pub(crate) fn new(config: &Ia3Config) -> Result<Self, ConfigError> {
        let matcher = |selector: &Option<Selector>| match selector {
            Some(selector) => Matcher::new(selector),
            None => Ok(Matcher::Names(Default::default())),
        };
        // PEFT takes an empty string or list as not given.
        let exclude = config.exclude_modules.as_ref().filter(|selector| !selector.is_empty());
        Ok(Self {
            target: matcher(&config.target_modules)?,
            feedforward: matcher(&config.feedforward_modules)?,
            exclude: exclude.map(Matcher::new).transpose()?,
            saved: config
                .modules_to_save
                .iter()
                .flatten()
                .map(|name| saved(name))
                .collect::<Result<_, _>>()?,
        })
    }

    /// PEFT's `check_target_module_exists` (`tuners/tuners_utils.py`), in its order.
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
        for saved in &self.saved {
            if saved.is_match(path)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether `target_modules` names the path, excluded or not.
    pub(crate) fn is_target(&self, path: &str) -> Result<bool, ConfigError> {
        self.target.selects(path)
    }

    /// PEFT's `_check_target_module_feedforward` (`tuners/ia3/model.py`).
    pub(crate) fn placement(&self, path: &str) -> Result<Placement, ConfigError> {
        Ok(match self.feedforward.selects_end(path)? {
            true => Placement::Input,
            false => Placement::Output,
        })
    }
}

/// A module that is saved whole is never a target, and neither is anything inside it: the name, taken as an unescaped
/// regular expression, is looked for among the path's segments with `re.match`.
pub(crate) fn saved(name: &str) -> Result<PyRegex, ConfigError> {
    PyRegex::prefix(&format!(r"(^|.*\.){name}($|\..*)"))
}
