//! The edit of one tensor.

use crate::blocks::{Format, Negation, Rounding, negate, scale};
use crate::error::{GgufError, MergeError};
use crate::file::TensorInfo;

/// The factors of a tensor, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Edit {
    /// One factor per row.
    pub(crate) rows: Option<Vec<f32>>,
    /// One factor per column, and the layer whose vector it is.
    pub(crate) columns: Option<(Vec<f32>, String)>,
    /// Which columns change their sign, and the layer whose vector says so.
    pub(crate) signs: Option<(Vec<bool>, String)>,
}

/// What an edit did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) rounding: Rounding,
    /// The sums of the squares of the errors and of the values of what was quantised again.
    pub(crate) error: f64,
    pub(crate) norm: f64,
}

/// The place of a block in its tensor.
#[derive(Clone, Copy)]
struct Place {
    row: usize,
    /// The first column.
    column: usize,
}

impl Edit {
    /// Multiplies factors of rows.
    pub(crate) fn scale_rows(&mut self, factors: Vec<f32>) {
        multiply(self.rows.get_or_insert_with(|| vec![1.0; factors.len()]), &factors);
    }

    /// Multiplies factors of columns.
    pub(crate) fn scale_columns(&mut self, factors: &[f32], module: &str) {
        let columns = self.columns.get_or_insert_with(|| (vec![1.0; factors.len()], module.to_owned()));
        multiply(&mut columns.0, factors);
    }

    /// Changes the signs of columns.
    pub(crate) fn flip(&mut self, flipped: Vec<bool>, module: &str) {
        let signs = self.signs.get_or_insert_with(|| (vec![false; flipped.len()], module.to_owned()));
        signs.0.iter_mut().zip(flipped).for_each(|(sign, flip)| *sign ^= flip);
    }

    /// Makes the changes of signs factors of columns, which need quantising again.
    pub(crate) fn signs_as_columns(&mut self) {
        let Some((signs, module)) = self.signs.take() else { return };
        let factors: Vec<f32> = signs.iter().map(|flip| if *flip { -1.0 } else { 1.0 }).collect();
        self.scale_columns(&factors, &module);
    }

    /// Whether blocks are decoded and quantised again.
    pub(crate) fn requantizes(&self, format: Format) -> bool {
        self.columns.is_some() && !format.is_float()
    }

    /// Edits whole blocks of the tensor, of which `first` is the number of the first.
    pub(crate) fn apply(
        &self,
        tensor: &TensorInfo,
        format: Format,
        first: u64,
        bytes: &mut [u8],
        outcome: &mut Outcome,
    ) -> Result<(), GgufError> {
        let (len, size) = format.block();
        let per_row = (tensor.columns() / len as u64).max(1);
        let mut place = Place { row: (first / per_row) as usize, column: (first % per_row) as usize * len };
        let columns = tensor.columns() as usize;
        for block in bytes.chunks_exact_mut(size) {
            match self.requantizes(format) {
                true => self.requantize(format, place, block, outcome),
                false => self.edit_block(tensor, format, place, block, outcome)?,
            }
            place.column += len;
            if place.column >= columns {
                place = Place { row: place.row + 1, column: 0 };
            }
        }
        Ok(())
    }

    fn edit_block(
        &self,
        tensor: &TensorInfo,
        format: Format,
        place: Place,
        block: &mut [u8],
        outcome: &mut Outcome,
    ) -> Result<(), GgufError> {
        if let Some((signs, module)) = &self.signs {
            let signs = &signs[place.column..place.column + format.block().0];
            for (i, _) in signs.iter().enumerate().filter(|(_, flip)| **flip) {
                let done = negate(format, block, i);
                if done != Negation::Done {
                    return Err(self.no_opposite(tensor, module, place.column + i, done).into());
                }
            }
        }
        // Only float formats, whose blocks are one value, have factors of columns here.
        let column = self.columns.as_ref().map_or(1.0, |(factors, _)| factors[place.column]);
        let factor = self.row_factor(place.row) * column;
        if factor == 1.0 {
            return Ok(());
        }
        scale(format, block, factor, &mut outcome.rounding).map_err(|out| {
            let (tensor, kind) = (tensor.name.clone(), tensor.kind.name);
            let (number, product) = (out.number, out.product);
            MergeError::Range { tensor, kind, row: place.row as u64, number, factor, product }.into()
        })
    }

    fn no_opposite(&self, tensor: &TensorInfo, module: &str, column: usize, done: Negation) -> MergeError {
        MergeError::Sign {
            module: module.to_owned(),
            tensor: tensor.name.clone(),
            kind: tensor.kind.name,
            column: column as u64,
            minimum: done == Negation::NotInFormat,
        }
    }

    fn row_factor(&self, row: usize) -> f32 {
        self.rows.as_ref().map_or(1.0, |rows| rows[row])
    }

    fn requantize(&self, format: Format, place: Place, block: &mut [u8], outcome: &mut Outcome) {
        let mut values = [0.0_f32; 256];
        let values = &mut values[..format.block().0];
        format.decode(block, values);
        let row = self.row_factor(place.row);
        let factor = |factors: Option<&[f32]>, i: usize| factors.map_or(1.0, |f| f[place.column + i]);
        let columns = self.columns.as_ref().map(|(factors, _)| factors.as_slice());
        for (i, value) in values.iter_mut().enumerate() {
            let flip = self.signs.as_ref().is_some_and(|(signs, _)| signs[place.column + i]);
            *value *= row * factor(columns, i) * if flip { -1.0 } else { 1.0 };
        }
        format.encode(values, block);
        let mut again = [0.0_f32; 256];
        let again = &mut again[..values.len()];
        format.decode(block, again);
        for (value, again) in values.iter().zip(again) {
            outcome.error += f64::from(*value - *again).powi(2);
            outcome.norm += f64::from(*value).powi(2);
        }
    }
}

fn multiply(factors: &mut [f32], by: &[f32]) {
    factors.iter_mut().zip(by).for_each(|(factor, by)| *factor *= by);
}
