//! Notes about a plan for its user.

use std::fmt;

use ia3_guard::{few, quote, quote_debug};

use crate::Field;

/// A fact about a plan that its user should know. `Display` writes it as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The value of `fan_in_fan_out` did not fit a layer and was corrected, as PEFT does (`tuners/ia3/model.py`).
    FanInFanOut {
        /// The first such layer.
        path: String,
        /// The value that fits.
        value: bool,
    },
    /// A feed-forward name selected layers whose own name only ends with it, such as `wo` for the name `o`, because PEFT does
    /// not require a dot before the name.
    LooseFeedforward {
        /// The name.
        name: String,
        /// The layers whose input is scaled only for this reason.
        paths: Vec<String>,
    },
    /// PEFT would not load the lists as given, because it requires each feed-forward name to be a target name. The
    /// configuration to save selects the same layers by other names. The note is given only if the user gave the
    /// feed-forward names.
    ListsRewritten {
        /// The feed-forward names that were not among the targets.
        extra: Vec<String>,
    },
    /// `"all-linear"` has a special meaning only in `target_modules`. In another field it is read as a regular expression, as
    /// PEFT does.
    AllLinearIsPattern {
        /// The field.
        field: Field,
    },
    /// The output embedding is a target. If it is tied, merging changes the input embedding too.
    OutputEmbedding {
        /// The path of the output embedding.
        path: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FanInFanOut { path, value: true } => {
                write!(
                    f,
                    "fan_in_fan_out was set to true, because {} is a Conv1D, whose weight is [in, out]",
                    quote(path)
                )
            }
            Self::FanInFanOut { path, value: false } => {
                write!(
                    f,
                    "fan_in_fan_out was set to false, because {} is a Linear, whose weight is [out, in]",
                    quote(path)
                )
            }
            Self::LooseFeedforward { name, paths } => {
                let example = quote(paths.first().map(String::as_str).unwrap_or_default());
                write!(
                    f,
                    "the feedforward name {} also matches the ends of longer names, so it scales the inputs of \
                     {example}",
                    quote_debug(name)
                )?;
                match paths.len() {
                    0 | 1 => Ok(()),
                    count => write!(f, " and {} more", count - 1),
                }
            }
            Self::ListsRewritten { extra } => {
                let names = few(extra.iter().map(|name| quote(name).into_owned()), ", ");
                let them = if extra.len() == 1 { "it" } else { "them" };
                write!(
                    f,
                    "PEFT would not load feedforward_modules {names}, because target_modules does not contain {them}; \
                     the saved lists select the same layers by other names"
                )
            }
            Self::AllLinearIsPattern { field } => {
                write!(
                    f,
                    "{field} \"all-linear\" is read as a regular expression, because only target_modules gives it a meaning"
                )
            }
            Self::OutputEmbedding { path } => {
                write!(
                    f,
                    "{} is the output embedding; if it is tied, merging changes the input embedding too",
                    quote(path)
                )
            }
        }
    }
}
