//! bitsandbytes in 8 bits: `k.weight` I8 `[d_out, d_in]` and `k.SCB` F32 `[d_out]`, the largest magnitude of each row.
//!
//! `w[o, i] = q[o, i] · SCB[o] / 127`. `k.weight_format` is 0 where the integers lie in rows; other orders belong to a GPU.

use safetensors::Dtype;

use super::parts::{self, Kind};
use crate::checkpoint::CheckpointError;
use crate::checkpoint::stored_tensors::StoredTensors;

/// bitsandbytes multiplies by this number, in this place.
const STEP: f32 = 1.0 / 127.0;

/// A weight in 8 bits, whose tensors have been checked.
#[derive(Clone, Debug)]
pub(crate) struct Int8 {
    stem: String,
    pub(super) shape: [usize; 2],
    has_format: bool,
}

impl Int8 {
    pub(super) fn of(file: &StoredTensors, stem: &str) -> Result<Self, CheckpointError> {
        let shape = parts::matrix(file, &format!("{stem}.weight"), Dtype::I8)?;
        parts::check(file, &format!("{stem}.SCB"), Kind::Exactly(Dtype::F32), &shape[..1])?;
        let format = format!("{stem}.weight_format");
        let has_format = file.holds(&format);
        if has_format && parts::bytes(file, &format)?.iter().any(|byte| *byte != 0) {
            let why = "names an order of the integers that belongs to a GPU, expected 0 (rows); save the model again with a \
                       current version of bitsandbytes";
            return Err(parts::problem(file, &format, why));
        }
        Ok(Self { stem: stem.into(), shape, has_format })
    }

    pub(super) fn parts(&self) -> Vec<String> {
        let names = ["weight", "SCB"].into_iter().chain(self.has_format.then_some("weight_format"));
        names.map(|name| self.part(name)).collect()
    }

    pub(super) fn part(&self, name: &str) -> String {
        format!("{}.{name}", self.stem)
    }

    /// The values, `[d_out, d_in]`.
    pub(super) fn decode(&self, file: &StoredTensors) -> Result<Vec<f32>, CheckpointError> {
        let integers = parts::bytes(file, &self.part("weight"))?;
        let largest = parts::floats(file, &self.part("SCB"))?;
        let rows = integers.chunks_exact(self.shape[1]).zip(largest);
        let value = |q: &u8, largest: f32| f32::from(q.cast_signed()) * largest * STEP;
        Ok(rows.flat_map(|(row, largest)| row.iter().map(move |q| value(q, largest))).collect())
    }

    /// Changes the signs of the weights of some inputs in the bytes of the integers. Returns the first input with the integer
    /// −128, which has no opposite.
    pub(super) fn flip(&self, flipped: &[bool], integers: &mut [u8]) -> Option<usize> {
        for row in integers.chunks_exact_mut(self.shape[1]) {
            for (input, (q, _)) in row.iter_mut().zip(flipped).enumerate().filter(|(_, (_, flip))| **flip) {
                let Some(opposite) = q.cast_signed().checked_neg() else { return Some(input) };
                *q = opposite.cast_unsigned();
            }
        }
        None
    }
}
