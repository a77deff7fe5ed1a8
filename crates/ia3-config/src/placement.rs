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

impl Placement {
    /// Shape of a vector of `len` values in PEFT's `adapter_model.safetensors`, by the number of axes of the weight it
    /// scales: `[len, 1]` on the output and `[1, len]` on the input of a linear layer (2 axes); `[1, len, 1, 1]` and
    /// `[1, len, 1, 1, 1]` on either side of `Conv2d` (4) and `Conv3d` (5). PEFT's `update_layer`,
    /// `tuners/ia3/layer.py`.
    pub fn file_shape(self, len: usize, weight_rank: usize) -> Vec<usize> {
        match (weight_rank, self) {
            (..=2, Self::Output) => vec![len, 1],
            (..=2, Self::Input) => vec![1, len],
            (rank, _) => {
                let mut shape = vec![1; rank];
                shape[1] = len;
                shape
            }
        }
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Input => "input",
            Self::Output => "output",
        })
    }
}
