//! What can be wrong with a configuration.

use crate::task_type::TaskType;
use crate::unmatched::{Field, Unmatched};

/// What can be wrong with a configuration, or between a configuration and a model.
///
/// Where PEFT has an error of its own, the message contains its words.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text is not JSON, or a field has the wrong type or appears twice.
    #[error("invalid adapter configuration at `{path}`: {source}")]
    Json {
        /// Place in the document, such as `target_modules[2]`; `.` is the document itself.
        path: String,
        /// What is wrong there, with line and column.
        #[source]
        source: serde_json::Error,
    },

    /// `peft_type` is missing: the file is not a PEFT adapter configuration.
    #[error("`peft_type` is missing; an (IA)³ configuration says \"peft_type\": \"IA3\"")]
    MissingPeftType,

    /// The file configures another adapter method.
    #[error("`peft_type` is {found}, expected \"IA3\" (upper case): not an (IA)³ configuration")]
    WrongPeftType {
        /// The value found, as JSON.
        found: String,
    },

    /// A task type that PEFT does not have.
    #[error("invalid task type {found:?}; must be one of {}", TaskType::ALL.map(TaskType::as_str).join(", "))]
    UnknownTaskType {
        /// The name found.
        found: String,
    },

    /// Both fields are lists, and a feed-forward name is no target name.
    #[error(
        "`feedforward_modules` should be a subset of `target_modules`: {} not in the targets {targets:?}; \
         add the same names to `target_modules`",
        quoted(extra)
    )]
    FeedforwardNotSubset {
        /// The names that are not among the targets.
        extra: Vec<String>,
        /// The target names.
        targets: Vec<String>,
    },

    /// A regular expression that does not compile.
    #[error("invalid regular expression `{pattern}`: {reason}")]
    InvalidPattern {
        /// The pattern.
        pattern: String,
        /// What the parser says.
        reason: String,
    },

    /// A construct that means something else here than in Python, that only Python has, or that Python refuses.
    #[error("unsupported in the regular expression `{pattern}`: `{found}` {hint}")]
    UnsupportedPattern {
        /// The pattern.
        pattern: String,
        /// The construct.
        found: String,
        /// Why, and what to write instead.
        hint: &'static str,
    },

    /// A pattern with look-around or back-references took too many steps.
    #[error(
        "matching the regular expression `{pattern}` against {text:?} was given up after too much backtracking; \
         simplify it, or list module names instead"
    )]
    PatternTooSlow {
        /// The pattern.
        pattern: String,
        /// The text it was matched against.
        text: String,
    },

    /// No defaults for this architecture, and the field is not set.
    #[error(
        "please specify `{field}` in the configuration: no default for {}{}",
        match model_type {
            Some(name) => format!("model type {name:?}"),
            None => "a model without a model type".to_owned(),
        },
        match field {
            Field::FeedforwardModules => "; an empty list scales outputs only",
            _ => "",
        }
    )]
    NoDefault {
        /// The field to set.
        field: Field,
        /// The model's type, if it has one.
        model_type: Option<String>,
    },

    /// The targets are an empty list or an empty string.
    #[error(
        "no `target_modules` passed: it is empty; name the modules to adapt, or leave it out for the defaults"
    )]
    NoTargets,

    /// No module of the model is a target.
    #[error("target modules not found in the base model: {}", joined(unmatched))]
    NothingMatched {
        /// The names or the pattern of `target_modules`.
        unmatched: Vec<Unmatched>,
    },

    /// Some names or patterns select nothing, and `allow_unmatched` is off.
    #[error("{}", joined(unmatched))]
    Unmatched {
        /// The names and patterns.
        unmatched: Vec<Unmatched>,
    },

    /// `exclude_modules` or `modules_to_save` cover every module.
    #[error(
        "all modules were excluded: {modules} of {modules}; \
         check `target_modules`, `exclude_modules` and `modules_to_save`"
    )]
    AllExcluded {
        /// How many modules the model has.
        modules: usize,
    },

    /// Every module that a target names is excluded, or nothing is named at all.
    #[error(
        "no modules were targeted for adaptation: `exclude_modules` or `modules_to_save` cover all modules that \
         `target_modules` names ({}); this might be caused by a combination of mismatched target modules and \
         excluded modules",
        quoted(excluded)
    )]
    OnlyExcludedMatched {
        /// The targets that are excluded.
        excluded: Vec<String>,
    },

    /// The input of a convolution is to be scaled, but the number of its channels is not known.
    #[error(
        "the input of `{path}` cannot be scaled: how many groups, and so input channels, {kind} has is not known; \
         derive `Debug` for the modules around it, which shows them, or leave it out of `feedforward_modules`"
    )]
    UnknownChannels {
        /// Path of the module.
        path: String,
        /// Its class and sizes.
        kind: String,
    },

    /// A target is not a layer that (IA)³ can scale.
    #[error(
        "target module `{path}` is not supported: it is {kind}, and only Linear, Conv1D, Conv2d and Conv3d are; {}",
        match inside.as_slice() {
            [] => "remove it from `target_modules` or add it to `exclude_modules`".to_owned(),
            inside => format!("target the layers inside it: {}", quoted(inside)),
        }
    )]
    UnsupportedLayer {
        /// Path of the module.
        path: String,
        /// Its class and sizes.
        kind: String,
        /// Last path segments of the layers inside it that can be adapted.
        inside: Vec<String>,
    },
}

fn joined(unmatched: &[Unmatched]) -> String {
    let lines: Vec<String> = unmatched.iter().map(Unmatched::to_string).collect();
    lines.join("; ")
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    names.join(", ")
}
