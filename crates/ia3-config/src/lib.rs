//! The configuration of an (IA)³ adapter, and which layers of a model it reaches.

mod adapter;
mod defaults;
mod error;
mod json;
mod model;
mod placement;
mod plan;
mod planning;
mod py_regex;
mod selector;
mod task_type;

pub use adapter::Ia3Config;
pub use defaults::{DefaultTargets, default_targets, known_model_types};
pub use error::ConfigError;
pub use model::{ModelInfo, ModuleInfo, ModuleKind};
pub use placement::Placement;
pub use plan::{Field, Nearest, Note, Plan, PlanOptions, Site, Unmatched};
pub use py_regex::PyRegex;
pub use selector::Selector;
pub use task_type::TaskType;
