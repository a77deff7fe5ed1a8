//! The side of a layer on which its vector multiplies.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The activations that the learned vector multiplies: the input or the output of its layer.
///
/// PEFT's word "feedforward" (`feedforward_modules` in `adapter_config.json`, `is_feedforward` in
/// `tuners/ia3/layer.py`) means [`Placement::Input`]. The paper (arXiv 2205.05638, section 3.3) scales the keys, the values
/// and the hidden activations of the feed-forward block. The hidden activations are the *input* of the block's second matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// The layer's input: `y = (x ⊙ l)·W + b`.
    Input,
    /// The layer's output, including its bias: `y = (x·W + b) ⊙ l`.
    Output,
}

impl Placement {
    /// The shape of a vector of `len` values in PEFT's `adapter_model.safetensors` (PEFT's `update_layer` in
    /// `tuners/ia3/layer.py`). `weight_rank` is the number of axes of the weight that the vector scales.
    ///
    /// | layer | `weight_rank` | output vector | input vector |
    /// |---|---|---|---|
    /// | linear | 2 | `[len, 1]` | `[1, len]` |
    /// | `Conv2d` | 4 | `[1, len, 1, 1]` | `[1, len, 1, 1]` |
    /// | `Conv3d` | 5 | `[1, len, 1, 1, 1]` | `[1, len, 1, 1, 1]` |
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
