//! Names and patterns that select nothing.

use std::fmt;

use ia3_guard::{quote, quote_debug};

/// A field of the configuration that names modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// `target_modules`
    TargetModules,
    /// `feedforward_modules`
    FeedforwardModules,
    /// `exclude_modules`
    ExcludeModules,
    /// `modules_to_save`
    ModulesToSave,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::TargetModules => "target_modules",
            Self::FeedforwardModules => "feedforward_modules",
            Self::ExcludeModules => "exclude_modules",
            Self::ModulesToSave => "modules_to_save",
        })
    }
}

/// A name or pattern that selected nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// The field that holds the name or pattern.
    pub field: Field,
    /// The name or pattern.
    pub pattern: String,
    /// Whether it is a regular expression, which must match whole paths.
    pub is_regex: bool,
    /// The names in the model that are most similar to it, with the most similar first.
    pub closest: Vec<Nearest>,
}

/// A name that exists in the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// The part of a module path after a dot, or the whole path.
    pub name: String,
    /// The number of modules that it names.
    pub modules: usize,
}

/// `no module matches target "q_prj"; closest: "q_proj" (12 modules)`
impl fmt::Display for Unmatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pattern = quote(&self.pattern);
        match self.field {
            Field::TargetModules => write!(f, "no module matches target \"{pattern}\"")?,
            Field::FeedforwardModules => write!(f, "no target matches feedforward_modules \"{pattern}\"")?,
            Field::ModulesToSave => write!(f, "no module ends with modules_to_save \"{pattern}\"")?,
            Field::ExcludeModules => {
                write!(f, "you have passed exclude_modules \"{pattern}\" but no modules were excluded by it")?
            }
        }
        if self.is_regex {
            f.write_str(", which is a regular expression that must match whole paths")?;
        }
        if self.is_regex && self.closest.first().is_some_and(|nearest| nearest.name == self.pattern) {
            let listed = quote_debug(&self.pattern);
            write!(f, "; write the list [{listed}] or the pattern `.*\\.{pattern}`")?;
        }
        for (index, nearest) in self.closest.iter().enumerate() {
            let before = if index == 0 { "; closest: " } else { ", " };
            let plural = if nearest.modules == 1 { "" } else { "s" };
            write!(f, "{before}{} ({} module{plural})", quote_debug(&nearest.name), nearest.modules)?;
        }
        Ok(())
    }
}
