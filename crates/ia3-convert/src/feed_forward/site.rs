use std::fmt;

use ia3_config::Placement;

/// A place for the vectors of gated feed-forward blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FeedForwardSite {
    /// The input of the last matrix: `wo` of T5, `down_proj` of Llama.
    Wo,
    /// The output of the matrix beside the gate: `wi_1` of T5, `up_proj` of Llama.
    Wi1,
}

/// `the input of wo`, `the output of wi_1`.
impl fmt::Display for FeedForwardSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Wo => "the input of wo",
            Self::Wi1 => "the output of wi_1",
        })
    }
}

impl FeedForwardSite {
    /// The shape in an adapter file of a vector of `len` values at this site, and its placement.
    pub(super) fn shape(self, len: usize) -> (Vec<usize>, Placement) {
        match self {
            Self::Wo => (vec![1, len], Placement::Input),
            Self::Wi1 => (vec![len, 1], Placement::Output),
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::Wo => Self::Wi1,
            Self::Wi1 => Self::Wo,
        }
    }
}
