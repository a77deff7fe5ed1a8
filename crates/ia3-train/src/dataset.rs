use ia3_data::{Example, Target};
use serde::{Deserialize, Serialize};

use crate::error::ExampleError;

/// Training data: rows, each of which is one example or several variants of one.
///
/// Variants are forms of the same example, such as the prompts of several templates. Each time a row comes up, one of its
/// variants is drawn at random, as T-Few does (`src/data/dataset_readers.py` of r-three/t-few). The draw depends on the
/// seed, the epoch and the row alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    /// The variants of each row. Every row has at least one.
    pub rows: Vec<Vec<Example>>,
}

impl Dataset {
    /// The rows with each window of a question as a row of its own, and the row that each of them was. All windows are learned in
    /// an epoch, where one of several variants is.
    pub fn with_windows_as_rows(self) -> (Self, Vec<usize>) {
        let is_window = |example: &Example| matches!(example.target, Target::Span(_));
        let (mut rows, mut places) = (vec![], vec![]);
        for (place, row) in self.rows.into_iter().enumerate() {
            let own: Vec<Vec<Example>> = match row.iter().all(is_window) && !row.is_empty() {
                true => row.into_iter().map(|window| vec![window]).collect(),
                false => vec![row],
            };
            places.extend(std::iter::repeat_n(place, own.len()));
            rows.extend(own);
        }
        (Self { rows }, places)
    }

    /// Refuses a row without a variant.
    pub(crate) fn check(&self) -> Result<(), ExampleError> {
        match self.rows.iter().position(Vec::is_empty) {
            Some(index) => Err(ExampleError::EmptyRow { index }),
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

impl<const N: usize> From<&[Example; N]> for Dataset {
    fn from(examples: &[Example; N]) -> Self {
        examples.to_vec().into()
    }
}

impl From<&Vec<Example>> for Dataset {
    fn from(examples: &Vec<Example>) -> Self {
        examples.clone().into()
    }
}

impl From<&Dataset> for Dataset {
    fn from(data: &Dataset) -> Self {
        data.clone()
    }
}
