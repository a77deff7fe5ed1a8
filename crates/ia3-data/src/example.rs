use serde::{Deserialize, Serialize};

/// Tokens to which T-Few cuts an input (`max_seq_len` in `src/utils/Config.py` of r-three/t-few).
pub const MAX_INPUT_TOKENS: usize = 256;

/// One tokenised example: an input and what is to come out of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// Ids of the input; with the end-of-sequence token for an encoder.
    pub input: Vec<i64>,
    /// What is to come out.
    pub target: Target,
}

/// What is to come out of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// Ids of a text, with the end-of-sequence token.
    Tokens(Vec<i64>),
    /// The number of the class, for a classifier.
    Class(usize),
    /// One of several texts.
    Choices {
        /// Ids of each text, with the end-of-sequence token.
        choices: Vec<Vec<i64>>,
        /// Which of them is right, from 0.
        answer: usize,
    },
}

impl Target {
    /// The ids of the text that is to come out: of the right choice where there are several. None for a class.
    pub fn tokens(&self) -> Option<&[i64]> {
        match self {
            Self::Tokens(ids) => Some(ids),
            Self::Class(_) => None,
            Self::Choices { choices, answer } => choices.get(*answer).map(Vec::as_slice),
        }
    }
}

impl From<Vec<i64>> for Target {
    fn from(ids: Vec<i64>) -> Self {
        Self::Tokens(ids)
    }
}
