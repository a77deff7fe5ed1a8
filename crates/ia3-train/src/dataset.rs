use ia3_data::Example;

use crate::error::TrainError;

/// What is trained on: rows, each with one or several variants of an example.
///
/// Variants are forms of one example, such as prompts from several templates. Each time a row comes up, one of its variants
/// is drawn at random, as T-Few does (`src/data/dataset_readers.py` of r-three/t-few); the draw is a function of seed, round
/// and row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dataset {
    /// The rows; none is empty.
    pub rows: Vec<Vec<Example>>,
}

impl Dataset {
    /// Every row has a variant.
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        match self.rows.iter().position(Vec::is_empty) {
            Some(index) => Err(TrainError::EmptyRow { index }),
            None => Ok(()),
        }
    }
}

impl From<Vec<Example>> for Dataset {
    fn from(examples: Vec<Example>) -> Self {
        Self { rows: examples.into_iter().map(|example| vec![example]).collect() }
    }
}

impl From<&[Example]> for Dataset {
    fn from(examples: &[Example]) -> Self {
        examples.to_vec().into()
    }
}
