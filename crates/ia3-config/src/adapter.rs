//! The contents of `adapter_config.json`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Selector, TaskType};

/// The configuration of an (IA)³ adapter: PEFT's `IA3Config`, the contents of `adapter_config.json`.
#[derive(Clone, Debug, PartialEq)]
pub struct Ia3Config {
    /// The class of the base model and its library. PEFT writes this field only if `task_type` is null.
    pub auto_mapping: Option<Value>,
    /// Name or path of the base model. It is never compared with the model in use.
    pub base_model_name_or_path: Option<String>,
    /// Modules that are never adapted.
    pub exclude_modules: Option<Selector>,
    /// Whether the weights are stored as `[in, out]`, as GPT-2's `Conv1D` stores them. Planning corrects the value for each
    /// layer.
    pub fan_in_fan_out: bool,
    /// Targets whose *input* is scaled ([`Placement::Input`](crate::Placement::Input)). `None` means the default of the
    /// architecture.
    pub feedforward_modules: Option<Selector>,
    /// Whether PEFT loads the adapter frozen. PEFT writes `true` into every file.
    pub inference_mode: bool,
    /// Whether the vectors start at one. If it is `false`, they start at random numbers from N(0, 1), which tests use.
    pub init_ia3_weights: bool,
    /// Modules that are trained and saved as a whole, in addition to the vectors.
    pub modules_to_save: Option<Vec<String>>,
    /// The version of PEFT that wrote the file.
    pub peft_version: Option<String>,
    /// The revision of the base model.
    pub revision: Option<String>,
    /// Modules to adapt. `None` means the default of the architecture.
    pub target_modules: Option<Selector>,
    /// The task that the model performs.
    pub task_type: Option<TaskType>,
    /// Fields that this version does not know. They are kept, so that saving writes them again.
    pub unknown: BTreeMap<String, Value>,
}

impl Default for Ia3Config {
    fn default() -> Self {
        Self {
            auto_mapping: None,
            base_model_name_or_path: None,
            exclude_modules: None,
            fan_in_fan_out: false,
            feedforward_modules: None,
            inference_mode: false,
            init_ia3_weights: true,
            modules_to_save: None,
            peft_version: None,
            revision: None,
            target_modules: None,
            task_type: None,
            unknown: BTreeMap::new(),
        }
    }
}

impl Ia3Config {
    /// A configuration with PEFT's defaults: the targets are those of the architecture, and the vectors start at one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the modules to adapt: a list of names, a Python regular expression or `"all-linear"`.
    pub fn with_target_modules(mut self, modules: impl Into<Selector>) -> Self {
        self.target_modules = Some(modules.into());
        self
    }

    /// Sets the targets whose input is scaled: a list of names or a Python regular expression.
    pub fn with_feedforward_modules(mut self, modules: impl Into<Selector>) -> Self {
        self.feedforward_modules = Some(modules.into().into_plain());
        self
    }

    /// Sets the modules that are never adapted: a list of names or a Python regular expression.
    pub fn with_exclude_modules(mut self, modules: impl Into<Selector>) -> Self {
        self.exclude_modules = Some(modules.into().into_plain());
        self
    }

    /// Sets the modules that are trained and saved as a whole.
    pub fn with_modules_to_save<S: Into<String>>(mut self, modules: impl IntoIterator<Item = S>) -> Self {
        self.modules_to_save = Some(modules.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the task that the model performs.
    pub fn with_task_type(mut self, task_type: TaskType) -> Self {
        self.task_type = Some(task_type);
        self
    }

    /// Sets the name or path of the base model.
    pub fn with_base_model(mut self, name_or_path: impl Into<String>) -> Self {
        self.base_model_name_or_path = Some(name_or_path.into());
        self
    }

    /// Sets whether the vectors start at one (`true`, the default) or at random numbers.
    pub fn with_init_ia3_weights(mut self, ones: bool) -> Self {
        self.init_ia3_weights = ones;
        self
    }
}
