//! bitsandbytes in 4 bits (NF4 and FP4): `k.weight` U8, two values in a byte, the first in the upper four bits.
//!
//! The values of the whole weight `[d_out, d_in]` follow each other, and each block of them has a largest magnitude in
//! `k.weight.absmax`: `w = quant_map[q] · absmax[block]`. With double quantisation `absmax` is U8, and
//! `absmax = nested_quant_map[c] · nested_absmax[nested block] + nested_offset`.
//! `k.weight.quant_state.bitsandbytes__nf4` (or `__fp4`) is a text in JSON with shape, sizes of blocks and offset.

use safetensors::Dtype;
use serde::Deserialize;

use super::parts::{self, Kind};
use crate::checkpoint::CheckpointError;
use crate::checkpoint::stored_tensors::StoredTensors;

/// What stands between the name of a weight and the kind of its state.
pub(super) const STATE: &str = ".quant_state.bitsandbytes__";

/// The largest size of a state, which has about 170 bytes.
const MAX_STATE: usize = 1 << 16;

/// A weight in 4 bits, whose tensors have been checked.
#[derive(Clone, Debug)]
pub(crate) struct FourBit {
    /// The name of the weight.
    weight: String,
    /// The name of its state.
    pub(super) state: String,
    pub(super) shape: [usize; 2],
    /// The number of values that share a largest magnitude.
    pub(super) block: usize,
    pub(super) nested: Option<Nested>,
}

/// Magnitudes that are quantised themselves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nested {
    /// The number of magnitudes that share a scale.
    pub(super) block: usize,
    pub(super) offset: f32,
}

#[derive(Deserialize)]
struct State {
    blocksize: usize,
    shape: Vec<usize>,
    #[serde(default)]
    nested_blocksize: Option<usize>,
    #[serde(default)]
    nested_offset: Option<f64>,
}

impl FourBit {
    /// The weight with the state in the tensor `state`.
    pub(super) fn of(file: &StoredTensors, weight: &str, state: &str) -> Result<Self, CheckpointError> {
        let read = read_state(file, state)?;
        let problem = |why: &str| parts::problem(file, state, why);
        let &[outputs, inputs] = read.shape.as_slice() else {
            return Err(problem("has another `shape` than that of a matrix"));
        };
        let values = outputs.checked_mul(inputs).filter(|n| *n > 0);
        let values = values.ok_or_else(|| problem("has a `shape` that no weight can have"))?;
        if read.blocksize == 0 || read.nested_blocksize == Some(0) {
            return Err(problem("has blocks without values"));
        }
        let is_nested = file.holds(&format!("{weight}.nested_absmax"));
        let nested = match (is_nested, read.nested_blocksize, read.nested_offset) {
            (false, ..) => None,
            (true, Some(block), Some(offset)) => Some(Nested { block, offset: offset as f32 }),
            (true, ..) => {
                return Err(problem(
                    "lacks `nested_blocksize` or `nested_offset`, which `nested_absmax` needs",
                ));
            }
        };
        let this = Self {
            weight: weight.into(),
            state: state.into(),
            shape: [outputs, inputs],
            block: read.blocksize,
            nested,
        };
        this.check(file, values)?;
        Ok(this)
    }

    fn check(&self, file: &StoredTensors, values: usize) -> Result<(), CheckpointError> {
        let check = |name: &str, dtype, len: &[usize]| {
            parts::check(file, &self.part(name), Kind::Exactly(dtype), len)
        };
        parts::check(file, &self.weight, Kind::Exactly(Dtype::U8), &[values.div_ceil(2), 1])?;
        check("quant_map", Dtype::F32, &[16])?;
        let blocks = values.div_ceil(self.block);
        match self.nested {
            None => check("absmax", Dtype::F32, &[blocks]),
            Some(nested) => {
                check("absmax", Dtype::U8, &[blocks])?;
                check("nested_absmax", Dtype::F32, &[blocks.div_ceil(nested.block)])?;
                check("nested_quant_map", Dtype::F32, &[256])
            }
        }
    }

    pub(super) fn part(&self, name: &str) -> String {
        format!("{}.{name}", self.weight)
    }

    /// The name of the weight.
    pub(super) fn name(&self) -> &str {
        &self.weight
    }

    pub(super) fn parts(&self) -> Vec<String> {
        let nested = self.nested.map(|_| ["nested_absmax", "nested_quant_map"]);
        let names = ["absmax", "quant_map"].into_iter().chain(nested.into_iter().flatten());
        let whole = [self.weight.clone(), self.state.clone()];
        whole.into_iter().chain(names.map(|name| self.part(name))).collect()
    }

    /// The values, `[d_out, d_in]`.
    pub(super) fn decode(&self, file: &StoredTensors) -> Result<Vec<f32>, CheckpointError> {
        let (absmax, map) = (self.absmax(file)?, self.map(file)?);
        let pairs = parts::bytes(file, &self.weight)?;
        let codes = pairs.iter().flat_map(|pair| [pair >> 4, pair & 15]);
        let values = codes.enumerate().map(|(at, code)| map[usize::from(code)] * absmax[at / self.block]);
        Ok(values.take(self.shape[0] * self.shape[1]).collect())
    }

    /// The values of the sixteen codes.
    pub(super) fn map(&self, file: &StoredTensors) -> Result<Vec<f32>, CheckpointError> {
        parts::floats(file, &self.part("quant_map"))
    }

    /// The largest magnitude of each block.
    pub(super) fn absmax(&self, file: &StoredTensors) -> Result<Vec<f32>, CheckpointError> {
        let Some(nested) = self.nested else { return parts::floats(file, &self.part("absmax")) };
        let scales = parts::floats(file, &self.part("nested_absmax"))?;
        let map = parts::floats(file, &self.part("nested_quant_map"))?;
        let codes = parts::bytes(file, &self.part("absmax"))?;
        let value =
            |(at, code): (usize, u8)| map[usize::from(code)] * scales[at / nested.block] + nested.offset;
        Ok(codes.into_iter().enumerate().map(value).collect())
    }

    /// Changes the signs of the weights of some inputs in the bytes of the codes. Returns the first input with a code whose
    /// opposite is not in the map.
    pub(super) fn flip(&self, map: &[f32], flipped: &[bool], codes: &mut [u8]) -> Option<usize> {
        let opposite = |code: u8| {
            let value = map[usize::from(code)];
            map.iter().position(|other| *other == -value).map(|code| code as u8)
        };
        let inputs = self.shape[1];
        for at in (0..self.shape[0] * inputs).filter(|at| flipped[at % inputs]) {
            let (pair, shift) = (&mut codes[at / 2], if at % 2 == 0 { 4 } else { 0 });
            let Some(other) = opposite((*pair >> shift) & 15) else { return Some(at % inputs) };
            *pair = (*pair & !(15 << shift)) | (other << shift);
        }
        None
    }
}

fn read_state(file: &StoredTensors, state: &str) -> Result<State, CheckpointError> {
    let (source, entry) = file.entry(state)?;
    if entry.dtype != Dtype::U8 || entry.bytes > MAX_STATE {
        return Err(CheckpointError::QuantizedTensor {
            path: source.path.clone(),
            tensor: state.to_string(),
            dtype: entry.dtype,
            shape: entry.shape.clone(),
            expected: format!("U8 with a text in JSON of at most {MAX_STATE} bytes"),
        });
    }
    let bytes = parts::bytes(file, state)?;
    serde_json::from_slice(&bytes).map_err(|error| {
        parts::problem(file, state, format!("does not hold the state of a weight in JSON: {error}"))
    })
}
