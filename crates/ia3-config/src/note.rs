//! What a user should know about a plan.

use std::fmt;

use crate::Field;

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

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FanInFanOut { path, value: true } => {
                write!(f, "fan_in_fan_out set to true: {path} is a Conv1D, its weight is [in, out]")
            }
            Self::FanInFanOut { path, value: false } => {
                write!(f, "fan_in_fan_out set to false: {path} is a Linear, its weight is [out, in]")
            }
            Self::LooseFeedforward { name, paths } => {
                let example = paths.first().map(String::as_str).unwrap_or_default();
                write!(
                    f,
                    "feedforward name {name:?} also ends other names and scales their input: {example}"
                )?;
                match paths.len() {
                    0 | 1 => Ok(()),
                    count => write!(f, " and {} more", count - 1),
                }
            }
            Self::ListsRewritten { extra } => {
                let names = extra.join(", ");
                write!(
                    f,
                    "saved in other names: PEFT would not load feedforward_modules {names}, which is no target"
                )
            }
            Self::AllLinearIsPattern { field } => {
                write!(
                    f,
                    "{field} \"all-linear\" is read as a regular expression; it means something as target only"
                )
            }
            Self::OutputEmbedding { path } => {
                write!(
                    f,
                    "{path} is the output embedding; if it is tied, merging changes the input embedding too"
                )
            }
        }
    }
}
