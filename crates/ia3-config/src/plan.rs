//! The result of planning.

use crate::{Ia3Config, ModuleKind, Note, Placement, Unmatched};

/// Options of [`Ia3Config::plan_with`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanOptions {
    /// Whether names and patterns that select nothing are accepted; [`Plan::unmatched`] then lists them. PEFT accepts them
    /// without a message.
    ///
    /// It is `false` by default, so that a misspelt target is an error. Set it to read an adapter that PEFT trained.
    pub allow_unmatched: bool,
}

impl PlanOptions {
    /// The default options.
    pub const fn new() -> Self {
        Self { allow_unmatched: false }
    }

    /// The same options with another [`allow_unmatched`](Self::allow_unmatched).
    pub const fn with_allow_unmatched(mut self, allow_unmatched: bool) -> Self {
        self.allow_unmatched = allow_unmatched;
        self
    }
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
        self.placement.file_shape(self.len, self.kind.weight_rank())
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
