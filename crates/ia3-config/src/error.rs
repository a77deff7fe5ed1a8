//! The errors of reading a configuration and of applying it to a model.

use ia3_guard::{few, quote, quote_debug, quote_error};

use crate::task_type::TaskType;
use crate::unmatched::{Field, Unmatched};

/// An error in a configuration, or a mismatch between a configuration and a model.
///
/// If PEFT raises an error in the same case, the message contains PEFT's words.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text is not JSON, or a field has the wrong type or appears twice.
    #[error("invalid adapter configuration at `{}`: {}", quote(path), quote_error(source))]
    Json {
        /// The place in the document, such as `target_modules[2]`. `.` is the document itself.
        path: String,
        /// The error of the parser, with line and column.
        #[source]
        source: serde_json::Error,
    },

    /// `peft_type` is missing, so the file is not a PEFT adapter configuration.
    #[error("`peft_type` is missing; an (IA)³ configuration says \"peft_type\": \"IA3\"")]
    MissingPeftType,

    /// The file configures another adapter method.
    #[error(
        "`peft_type` is {}, expected \"IA3\" (upper case); the file is not an (IA)³ configuration",
        quote(found)
    )]
    WrongPeftType {
        /// The value found, as JSON.
        found: String,
    },

    /// PEFT has no such task type.
    #[error("invalid task type {}; must be one of {}", quote_debug(found), TaskType::ALL.map(TaskType::as_str).join(", "))]
    UnknownTaskType {
        /// The name found.
        found: String,
    },

    /// Both fields are lists, and a name in `feedforward_modules` is not in `target_modules`.
    #[error(
        "`feedforward_modules` should be a subset of `target_modules`: {} {} not in the targets [{}]; \
         add the same names to `target_modules`",
        quoted(extra),
        if extra.len() == 1 { "is" } else { "are" },
        quoted(targets)
    )]
    FeedforwardNotSubset {
        /// The names that are not among the targets.
        extra: Vec<String>,
        /// The target names.
        targets: Vec<String>,
    },

    /// A configuration names more than can be looked for in bounded time.
    #[error(
        "`modules_to_save` has {found} {what}, more than the limit of {limit}; write plain names of modules"
    )]
    TooManySaved {
        /// How many there are.
        found: usize,
        /// The limit.
        limit: usize,
        /// What they are.
        what: &'static str,
    },

    /// A regular expression is longer than any good one.
    #[error(
        "a regular expression has {bytes} bytes, more than the limit of {limit}; list module names instead"
    )]
    PatternTooLong {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },

    /// A regular expression does not compile.
    #[error("invalid regular expression `{}`: {}", quote(pattern), quote_error(reason))]
    InvalidPattern {
        /// The pattern.
        pattern: String,
        /// The message of the parser.
        reason: String,
    },

    /// A regular expression holds a construct that has another meaning here than in Python, that only Python has, or that
    /// Python refuses.
    #[error("unsupported in the regular expression `{}`: `{}` {hint}", quote(pattern), quote(found))]
    UnsupportedPattern {
        /// The pattern.
        pattern: String,
        /// The construct.
        found: String,
        /// The reason, and what to write instead.
        hint: &'static str,
    },

    /// Matching a pattern with look-around or back-references reached the step limit of the engine.
    #[error(
        "matching the regular expression `{}` against {} stopped after too many backtracking steps; \
         simplify the expression, or list module names instead",
        quote(pattern),
        quote_debug(text)
    )]
    PatternTooSlow {
        /// The pattern.
        pattern: String,
        /// The text that the pattern was matched against.
        text: String,
    },

    /// The field is not set, and the architecture has no default for it.
    #[error(
        "please specify `{field}` in the configuration: there is no default for {}{}",
        match model_type {
            Some(name) => format!("model type {}", quote_debug(name)),
            None => "a model without a model type".to_owned(),
        },
        match field {
            Field::FeedforwardModules => "; with an empty list all vectors scale outputs",
            _ => "",
        }
    )]
    NoDefault {
        /// The field to set.
        field: Field,
        /// The model's type, if it has one.
        model_type: Option<String>,
    },

    /// `target_modules` is an empty list or an empty string.
    #[error(
        "no `target_modules` passed: the field is empty; name the modules to adapt, or leave the field out to adapt the \
         default modules"
    )]
    NoTargets,

    /// No module of the model is a target.
    #[error("target modules not found in the base model: {}", joined(unmatched))]
    NothingMatched {
        /// The names or the pattern of `target_modules`.
        unmatched: Vec<Unmatched>,
    },

    /// Some names or patterns select nothing, and [`PlanOptions::allow_unmatched`](crate::PlanOptions::allow_unmatched) is
    /// `false`.
    #[error("{}", joined(unmatched))]
    Unmatched {
        /// The names and patterns.
        unmatched: Vec<Unmatched>,
    },

    /// `exclude_modules` or `modules_to_save` excludes every module.
    #[error(
        "all modules were excluded ({modules} of {modules}); \
         check `target_modules`, `exclude_modules` and `modules_to_save`"
    )]
    AllExcluded {
        /// The number of modules of the model.
        modules: usize,
    },

    /// Every module that `target_modules` selects is excluded.
    #[error(
        "no modules were targeted for adaptation: `exclude_modules` or `modules_to_save` excludes every module that \
         `target_modules` selects ({}); this might be caused by a combination of mismatched target modules and \
         excluded modules",
        quoted(excluded)
    )]
    OnlyExcludedMatched {
        /// The targets that are excluded.
        excluded: Vec<String>,
    },

    /// The input of a convolution is to be scaled, but its number of channels is not known.
    #[error(
        "the input of `{}` cannot be scaled: the number of groups of {kind} is not known, and so neither is its \
         number of input channels; derive `Debug` for the modules around it, from which the groups are read, or leave \
         it out of `feedforward_modules`",
        quote(path)
    )]
    UnknownChannels {
        /// Path of the module.
        path: String,
        /// The module's class and sizes.
        kind: String,
    },

    /// A target is not a layer that (IA)³ can scale.
    #[error(
        "target module `{}` is not supported: it is {kind}, but only Linear, Conv1D, Conv2d and Conv3d can be \
         scaled; {}",
        quote(path),
        match inside.as_slice() {
            [] => "remove it from `target_modules` or add it to `exclude_modules`".to_owned(),
            inside => format!("target the layers inside it: {}", quoted(inside)),
        }
    )]
    UnsupportedLayer {
        /// Path of the module.
        path: String,
        /// The module's class and sizes.
        kind: String,
        /// The last path segments of the layers inside the module that can be adapted.
        inside: Vec<String>,
    },
}

fn joined(unmatched: &[Unmatched]) -> String {
    few(unmatched.iter().map(Unmatched::to_string), "; ")
}

fn quoted(names: &[String]) -> String {
    few(names.iter().map(|name| quote_debug(name)), ", ")
}
