//! The result of planning.

use std::fmt;

use crate::{Ia3Config, ModuleKind, Placement};

/// How strict planning is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// Accept names and patterns that select nothing, as PEFT does silently; they are then in [`Plan::unmatched`].
    ///
    /// Off by default: a misspelt target is an error. Turn it on to read an adapter that PEFT trained.
    pub allow_unmatched: bool,
}

/// The sites an adapter gets: what matched, what did not, and the configuration to save.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The layers that get a vector, in the model's order.
    pub sites: Vec<Site>,
    /// Paths of the modules that are trained and saved whole.
    pub modules_to_save: Vec<String>,
    /// Paths of the modules that `exclude_modules` or `modules_to_save` keep from being targets.
    pub excluded: Vec<String>,
    /// Names and patterns that selected nothing.
    pub unmatched: Vec<Unmatched>,
    /// Paths of the layers that could be adapted but that nobody targeted.
    pub ignored: Vec<String>,
    /// The configuration to save: defaults resolved, and readable by PEFT to the same placements.
    pub config: Ia3Config,
    /// What a user should know about the choices made.
    pub notes: Vec<Note>,
}

/// One layer that gets a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Hugging Face module path.
    pub path: String,
    /// The layer.
    pub kind: ModuleKind,
    /// What the vector multiplies.
    pub placement: Placement,
    /// Length of the vector.
    pub len: usize,
}

impl Site {
    /// Shape of the vector in PEFT's `adapter_model.safetensors`: `[len, 1]` on an output and `[1, len]` on an input,
    /// `[1, len, 1, 1]` for `Conv2d` and `[1, len, 1, 1, 1]` for `Conv3d`.
    pub fn file_shape(&self) -> Vec<usize> {
        match (&self.kind, self.placement) {
            (ModuleKind::Conv2d { .. }, _) => vec![1, self.len, 1, 1],
            (ModuleKind::Conv3d { .. }, _) => vec![1, self.len, 1, 1, 1],
            (_, Placement::Output) => vec![self.len, 1],
            (_, Placement::Input) => vec![1, self.len],
        }
    }
}

impl Plan {
    /// Number of trainable numbers in the vectors; `modules_to_save` come on top.
    pub fn trainable_parameters(&self) -> usize {
        self.sites.iter().map(|site| site.len).sum()
    }

    /// The site of a module path.
    pub fn site(&self, path: &str) -> Option<&Site> {
        self.sites.iter().find(|site| site.path == path)
    }
}

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
    /// The field it stands in.
    pub field: Field,
    /// The name or pattern.
    pub pattern: String,
    /// Whether it is a regular expression, which has to match whole paths.
    pub is_regex: bool,
    /// The names of the model that look most like it, best first.
    pub closest: Vec<Nearest>,
}

/// A name that exists in the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// The end of a module path, after a dot.
    pub name: String,
    /// How many modules it names.
    pub modules: usize,
}

/// Something a user should know about a plan; its `Display` is a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// `fan_in_fan_out` did not fit a layer and was set, as PEFT does (`tuners/ia3/model.py`).
    FanInFanOut {
        /// The first such layer.
        path: String,
        /// The value that fits.
        value: bool,
    },
    /// A feed-forward name hit layers in the middle of a name, because PEFT compares no dot: `o` also ends `wo`.
    LooseFeedforward {
        /// The name.
        name: String,
        /// The layers whose input is scaled for this reason alone.
        paths: Vec<String>,
    },
    /// The lists as given would not load in PEFT, which wants the feed-forward names among the targets; the
    /// configuration to save says the same in other names. Only for feed-forward names that were given.
    ListsRewritten {
        /// The feed-forward names that were not among the targets.
        extra: Vec<String>,
    },
    /// `"all-linear"` means something only as `target_modules`; elsewhere PEFT reads a regular expression.
    AllLinearIsPattern {
        /// The field.
        field: Field,
    },
    /// The output embedding is a target: if it is tied, merging changes the input embedding as well.
    OutputEmbedding {
        /// Path of the output embedding.
        path: String,
    },
}
