use ia3_data::Example;
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
