//! Integers of 8 bits with a scale for each row `[d_out, d_in]`, of two programs:
//!
//! | | integers, I8 | scales, F32 | value |
//! |---|---|---|---|
//! | bitsandbytes | `k.weight` | `k.SCB` `[d_out]`, the largest magnitude of each row | `q[o, i] · SCB[o] / 127` |
//! | torchao | `k._weight_qdata` | `k._weight_scale` `[d_out, 1]` | `q[o, i] · scale[o]` |
//!
//! `k.weight_format` of bitsandbytes is 0 where the integers lie in rows; other orders belong to a GPU. `k._weight_zero_point` of
//! torchao is 0, since its weights are symmetric.

use safetensors::Dtype;

use super::parts::{self, Kind};
use crate::checkpoint::CheckpointError;
use crate::checkpoint::stored_tensors::StoredTensors;

/// bitsandbytes multiplies by this number, in this place.
const STEP: f32 = 1.0 / 127.0;

/// The program that made a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Bitsandbytes,
    Torchao,
}

impl Program {
    /// The names of the integers, of the scales, and of a tensor that may be there and is 0.
    pub(super) fn names(self) -> [&'static str; 3] {
        match self {
            Self::Bitsandbytes => ["weight", "SCB", "weight_format"],
            Self::Torchao => ["_weight_qdata", "_weight_scale", "_weight_zero_point"],
        }
    }

    /// What a number of the tensor that should be 0 means.
    fn not_zero(self) -> &'static str {
        match self {
            Self::Bitsandbytes => {
                "names an order of the integers that belongs to a GPU, expected 0 (rows); save the model again with a current \
                 version of bitsandbytes"
            }
            Self::Torchao => {
                "has zero points other than 0; quantise the weights symmetrically (`Int8WeightOnlyConfig`)"
            }
        }
    }

    /// The value of the integer 1 in a row of the scale 1.
    pub(super) fn step(self) -> f32 {
        match self {
            Self::Bitsandbytes => STEP,
            Self::Torchao => 1.0,
        }
    }
}

/// A weight in 8 bits, whose tensors have been checked.
#[derive(Clone, Debug)]
pub(crate) struct Int8 {
    stem: String,
    pub(super) program: Program,
    pub(super) shape: [usize; 2],
    has_zeros: bool,
}

impl Int8 {
    pub(super) fn of(file: &StoredTensors, stem: &str, program: Program) -> Result<Self, CheckpointError> {
        let [integers, scales, zeros] = program.names().map(|name| format!("{stem}.{name}"));
        let shape = parts::matrix(file, &integers, Dtype::I8)?;
        let scales_shape: &[usize] = match program {
            Program::Bitsandbytes => &shape[..1],
            Program::Torchao => &[shape[0], 1],
        };
        parts::check(file, &scales, Kind::Exactly(Dtype::F32), scales_shape)?;
        let has_zeros = file.holds(&zeros);
        if has_zeros && parts::bytes(file, &zeros)?.iter().any(|byte| *byte != 0) {
            return Err(parts::problem(file, &zeros, program.not_zero()));
        }
        Ok(Self { stem: stem.into(), program, shape, has_zeros })
    }

    pub(super) fn name(&self) -> &'static str {
        match self.program {
            Program::Bitsandbytes => "bitsandbytes",
            Program::Torchao => "torchao",
        }
    }

    pub(super) fn parts(&self) -> Vec<String> {
        let [integers, scales, zeros] = self.program.names();
        let names = [integers, scales].into_iter().chain(self.has_zeros.then_some(zeros));
        names.map(|name| self.part(name)).collect()
    }

    /// The name of the tensor of the integers.
    pub(super) fn integers(&self) -> String {
        self.part(self.program.names()[0])
    }

    /// The name of the tensor of the scales.
    pub(super) fn scales(&self) -> String {
        self.part(self.program.names()[1])
    }

    fn part(&self, name: &str) -> String {
        format!("{}.{name}", self.stem)
    }

    /// The value of an integer in a row of this scale.
    pub(super) fn value(&self, q: i8, scale: f32) -> f32 {
        f32::from(q) * scale * self.program.step()
    }

    /// The values, `[d_out, d_in]`.
    pub(super) fn decode(&self, file: &StoredTensors) -> Result<Vec<f32>, CheckpointError> {
        let integers = parts::bytes(file, &self.integers())?;
        let scales = parts::floats(file, &self.scales())?;
        let rows = integers.chunks_exact(self.shape[1]).zip(scales);
        Ok(rows
            .flat_map(|(row, scale)| row.iter().map(move |q| self.value(q.cast_signed(), scale)))
            .collect())
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
