//! The result of planning.

use crate::{Ia3Config, ModuleKind, Note, Placement, Unmatched};

/// The options of [`Ia3Config::plan_with`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanOptions {
    /// Whether names and patterns that select nothing are accepted. If they are, [`Plan::unmatched`] lists them. PEFT
    /// accepts them without a message.
    ///
    /// The default is `false`, so that a misspelt target is an error. Set it to `true` to read an adapter that PEFT trained.
    pub allow_unmatched: bool,
}

impl PlanOptions {
    /// The default options.
    pub const fn new() -> Self {
        Self { allow_unmatched: false }
    }

    /// Sets [`allow_unmatched`](Self::allow_unmatched).
    pub const fn with_allow_unmatched(mut self, allow_unmatched: bool) -> Self {
        self.allow_unmatched = allow_unmatched;
        self
    }
}

/// The result of applying a configuration to a model: the layers that get a vector, the names that selected nothing, and the
/// configuration to save.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The layers that get a vector, in the order of the model.
    pub sites: Vec<Site>,
    /// The paths of the modules that are trained and saved as a whole.
    pub modules_to_save: Vec<String>,
    /// The paths of the modules that cannot be targets because of `exclude_modules` or `modules_to_save`.
    pub excluded: Vec<String>,
    /// The names and patterns that selected nothing.
    pub unmatched: Vec<Unmatched>,
    /// The paths of the layers that can be adapted but are not targets.
    pub ignored: Vec<String>,
    /// The configuration to save. Its defaults are filled in, and PEFT reads the same placements from it.
    pub config: Ia3Config,
    /// The facts that a user should know about the plan.
    pub notes: Vec<Note>,
}

/// One layer that gets a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The module path of the layer, as in Hugging Face.
    pub path: String,
    /// The class and sizes of the layer.
    pub kind: ModuleKind,
    /// The side of the layer on which the vector multiplies.
    pub placement: Placement,
    /// The length of the vector.
    pub len: usize,
}

impl Site {
    /// The shape of the vector in PEFT's `adapter_model.safetensors`: `[len, 1]` for the output and `[1, len]` for the input
    /// of a linear layer, `[1, len, 1, 1]` for `Conv2d` and `[1, len, 1, 1, 1]` for `Conv3d`.
    pub fn file_shape(&self) -> Vec<usize> {
        self.placement.file_shape(self.len, self.kind.weight_rank())
    }
}

impl Plan {
    /// The number of trainable values in the vectors. The parameters of `modules_to_save` are not counted.
    pub fn trainable_parameters(&self) -> usize {
        self.sites.iter().map(|site| site.len).sum()
    }

    /// The site at a module path, or `None` if the layer there gets no vector.
    pub fn site(&self, path: &str) -> Option<&Site> {
        self.sites.iter().find(|site| site.path == path)
    }
}
