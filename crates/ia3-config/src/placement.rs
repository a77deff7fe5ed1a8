//! Where the vector multiplies.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the learned vector multiplies.
///
/// PEFT's word "feedforward" (`feedforward_modules` in `adapter_config.json`, `is_feedforward` in
/// `tuners/ia3/layer.py`) means [`Placement::Input`]. The paper (section 3.3) scales keys, values and the hidden
/// activations of the feed-forward block; the last are the *input* of its second matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// The layer's input: `y = (x ⊙ l)·W + b`.
    Input,
    /// The layer's output, its bias included: `y = (x·W + b) ⊙ l`.
    Output,
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Input => "input",
            Self::Output => "output",
        })
    }
}
