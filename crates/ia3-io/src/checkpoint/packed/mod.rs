//! Weights of linear layers that other programs quantised: GPTQ, AWQ, bitsandbytes in 8 and 4 bits, and torchao in 8.
//!
//! Each is stored as several tensors, which are decoded to floats while the weight is read. The checkpoint shows one tensor
//! `k.weight` in their place.

pub(super) mod config;
mod find;
mod four_bit;
mod grouped;
mod int8;
mod keep;
pub(super) mod merge;
mod parts;

use burn::tensor::{DType, TensorData};

use self::four_bit::FourBit;
use self::grouped::Grouped;
use self::int8::Int8;
use crate::checkpoint::CheckpointError;
use crate::checkpoint::stored_tensors::StoredTensors;
use crate::layout;

pub(super) use find::find;

/// A weight in several tensors.
#[derive(Clone, Debug)]
pub(crate) struct PackedWeight {
    /// `[d_out, d_in]`
    pub(crate) shape: [usize; 2],
    /// The names of its tensors.
    pub(crate) parts: Vec<String>,
    /// The size of its tensors.
    pub(crate) bytes: usize,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Grouped(Grouped),
    Int8(Int8),
    FourBit(FourBit),
}

impl PackedWeight {
    /// The program or the method that made it.
    pub(crate) fn program(&self) -> &'static str {
        match &self.kind {
            Kind::Grouped(grouped) => grouped.program(),
            Kind::Int8(int8) => int8.name(),
            Kind::FourBit(_) => "bitsandbytes",
        }
    }

    /// The values as `dtype`, `[d_in, d_out]` if `inputs_first` and `[d_out, d_in]` otherwise.
    pub(crate) fn read(
        &self,
        file: &StoredTensors,
        dtype: DType,
        inputs_first: bool,
    ) -> Result<TensorData, CheckpointError> {
        let [outputs, inputs] = self.shape;
        let (values, has_inputs_first) = match &self.kind {
            Kind::Grouped(grouped) => (grouped.decode(file)?, true),
            Kind::Int8(int8) => (int8.decode(file)?, false),
            Kind::FourBit(four_bit) => (four_bit.decode(file)?, false),
        };
        let (rows, columns) = if has_inputs_first { (inputs, outputs) } else { (outputs, inputs) };
        let (values, shape) = match has_inputs_first == inputs_first {
            true => (values, [rows, columns]),
            false => (layout::transposed(&values, columns), [columns, rows]),
        };
        Ok(layout::as_dtype(values, shape.to_vec(), dtype))
    }
}
