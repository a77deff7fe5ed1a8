#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod adapter;
mod check;
mod defaults;
mod error;
mod feed_forward;
mod json;
mod matcher;
mod model;
mod nearest;
mod note;
mod peft_lists;
mod placement;
mod plan;
mod planning;
mod py_references;
mod py_regex;
mod py_syntax;
mod python_json;
mod report;
mod resolve;
mod rules;
mod saved_modules;
mod saved_names;
mod selector;
mod sorted;
mod task_type;
mod thousands;
mod unmatched;
mod validate;

pub use adapter::Ia3Config;
pub use defaults::{DefaultTargets, default_targets, known_model_types};
pub use error::ConfigError;
pub use feed_forward::{Between, FeedForward, MovedFactors};
pub use model::{ModelInfo, ModuleInfo, ModuleKind};
pub use nearest::{nearest_name, similar_name};
pub use note::Note;
pub use placement::Placement;
pub use plan::{Plan, PlanOptions, Site};
pub use py_regex::PyRegex;
pub use saved_modules::SavedModules;
pub use selector::Selector;
pub use task_type::TaskType;
pub use thousands::thousands;
pub use unmatched::{Field, Nearest, Unmatched};
