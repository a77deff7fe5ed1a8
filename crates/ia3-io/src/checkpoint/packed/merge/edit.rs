//! The edit of one tensor.

use ia3_gguf::{Format, Rounding};
use safetensors::Dtype;

use super::PackedMergeError;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::packed::Kind;
use crate::safetensors::{Entry, SafetensorsError};

/// What happens to a tensor.
pub(super) enum Edit {
    /// Each number is multiplied by the factor of its row and of its column. A vector has rows of one number.
    Floats { rows: Option<Vec<f32>>, columns: Option<Vec<f32>> },
    /// The integers of some inputs of a weight change their signs.
    Flip {
        /// The name of the weight that the tensor is a part of.
        weight: String,
        flipped: Vec<bool>,
        /// The path of its layer.
        module: String,
    },
    /// The tensor has these bytes, as many as before.
    Replace(Vec<u8>),
}

impl Edit {
    pub(super) fn floats(rows: Option<Vec<f32>>, columns: Option<Vec<f32>>) -> Self {
        Self::Floats { rows, columns }
    }

    /// Edits the bytes of the tensor `name`.
    pub(super) fn apply(
        &self,
        file: &Checkpoint,
        name: &str,
        bytes: &mut Vec<u8>,
        rounding: &mut Rounding,
    ) -> Result<(), PackedMergeError> {
        match self {
            Self::Floats { rows, columns } => {
                multiply(file, name, bytes, [rows.as_deref(), columns.as_deref()], rounding)
            }
            Self::Flip { weight, flipped, module } => match flip(file, weight, flipped, bytes)? {
                None => Ok(()),
                Some((column, why)) => Err(PackedMergeError::Sign { module: module.clone(), column, why }),
            },
            Self::Replace(with) => {
                bytes.clone_from(with);
                Ok(())
            }
        }
    }
}

fn multiply(
    file: &Checkpoint,
    name: &str,
    bytes: &mut [u8],
    [rows, columns]: [Option<&[f32]>; 2],
    rounding: &mut Rounding,
) -> Result<(), PackedMergeError> {
    let (source, entry) = file.stored().entry(name)?;
    let format = format(entry).ok_or_else(|| SafetensorsError::TensorDtype {
        path: source.path.clone(),
        tensor: name.to_string(),
        found: entry.dtype,
    })?;
    let width = if entry.shape.len() > 1 { entry.shape.last().copied().unwrap_or(1).max(1) } else { 1 };
    for (at, number) in bytes.chunks_exact_mut(format.block().1).enumerate() {
        let factor = rows.map_or(1.0, |rows| rows[at / width]) * columns.map_or(1.0, |all| all[at % width]);
        if factor == 1.0 {
            continue;
        }
        format.scale(number, factor, rounding).map_err(|out| PackedMergeError::Range {
            tensor: name.to_string(),
            number: out.number,
            factor,
            product: out.product,
        })?;
    }
    Ok(())
}

/// The format whose blocks are single numbers of the dtype.
fn format(entry: &Entry) -> Option<Format> {
    match entry.dtype {
        Dtype::F32 => Some(Format::F32),
        Dtype::F16 => Some(Format::F16),
        Dtype::BF16 => Some(Format::Bf16),
        _ => None,
    }
}

/// Changes the signs of the weights of some inputs in the bytes of the integers. Returns the first input for which that is not
/// possible, and why.
pub(super) fn flip(
    file: &Checkpoint,
    weight: &str,
    flipped: &[bool],
    bytes: &mut [u8],
) -> Result<Option<(usize, &'static str)>, PackedMergeError> {
    let Some(packed) = file.packed(weight) else { return Ok(None) };
    let (column, why) = match &packed.kind {
        Kind::Grouped(grouped) => (
            grouped.flip(file.stored(), flipped, bytes)?,
            "an integer of that input has no opposite on the other side of its zero point",
        ),
        Kind::Int8(int8) => {
            (int8.flip(flipped, bytes), "an integer of that input is -128, which has no opposite")
        }
        Kind::FourBit(four_bit) => (
            four_bit.flip(&four_bit.map(file.stored())?, flipped, bytes),
            "the table of values (`quant_map`) has no opposite for a value of that input",
        ),
    };
    Ok(column.map(|column| (column, why)))
}
