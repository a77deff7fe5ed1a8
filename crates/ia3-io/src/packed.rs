//! The weight of a quantised layer in a checkpoint: integers and scales, a row an output.
//!
//! `k.weight` is `k.weight_int8` (I8 `[d_out, d_in]`) or `k.weight_int4` (U8 `[d_out, ⌈d_in / 2⌉]`: two's complement, the
//! input with the even number in the lower four bits), and `k.weight_scale` (F32 `[d_out, d_in / block]`).

use std::io;

use burn::tensor::Tensor;
use ia3_core::{AdapterError, Bits, QuantizedLayout, QuantizedWeight};
use safetensors::Dtype;

use crate::checkpoint::Checkpoint;
use crate::error::IoError;
use crate::quantization::word;
use crate::write::Source;

/// The name of the integers of the weight `name`.
pub(crate) fn integers(name: &str, bits: Bits) -> String {
    format!("{name}_{}", word(bits))
}

/// The name of its scales.
pub(crate) fn scales(name: &str) -> String {
    format!("{name}_scale")
}

/// Whether a layer of this type multiplies by integers.
pub(crate) fn is_quantizable(holder: &str, leaf: &str) -> bool {
    leaf == "weight" && matches!(holder, "Linear" | "Conv1D")
}

/// Whether it is the name of integers.
pub(crate) fn are_integers(name: &str) -> bool {
    [Bits::Eight, Bits::Four].iter().any(|&bits| name.ends_with(&integers(".weight", bits)))
}

fn dtype(bits: Bits) -> Dtype {
    match bits {
        Bits::Eight => Dtype::I8,
        Bits::Four => Dtype::U8,
    }
}

/// The shape of the integers of a weight `[d_out, d_in]`.
fn shape(bits: Bits, [outputs, inputs]: [usize; 2]) -> [usize; 2] {
    match bits {
        Bits::Eight => [outputs, inputs],
        Bits::Four => [outputs, inputs.div_ceil(2)],
    }
}

/// Checks the two tensors of the weight `name` of shape `[d_out, d_in]`.
pub(crate) fn check(file: &Checkpoint, name: &str, bits: Bits, weight: [usize; 2]) -> Result<(), IoError> {
    let [outputs, inputs] = weight;
    let expected = (dtype(bits), shape(bits, weight));
    expect(
        file,
        &integers(name, bits),
        |dtype, shape| (dtype, shape) == (expected.0, &expected.1),
        || format!("{} {:?}", expected.0, expected.1),
    )?;
    let divides = |blocks: usize| blocks > 0 && inputs.is_multiple_of(blocks) && inputs / blocks <= 255;
    let fits = |dtype, shape: &[usize]| {
        dtype == Dtype::F32 && matches!(*shape, [rows, blocks] if rows == outputs && divides(blocks))
    };
    expect(file, &scales(name), fits, || {
        format!(
            "F32 [{outputs}, n] with a scale for each of n equal blocks of the {inputs} inputs, 255 at most in each"
        )
    })
}

fn expect(
    file: &Checkpoint,
    name: &str,
    fits: impl Fn(Dtype, &[usize]) -> bool,
    expected: impl Fn() -> String,
) -> Result<(), IoError> {
    let (source, entry) = file.entry(name)?;
    if fits(entry.dtype, &entry.shape) {
        return Ok(());
    }
    Err(IoError::QuantizedTensor {
        path: source.path.clone(),
        tensor: name.to_string(),
        dtype: entry.dtype,
        shape: entry.shape.clone(),
        expected: expected(),
    })
}

/// Reads the weight `name` of shape `[d_out, d_in]`, whose tensors are checked.
pub(crate) fn read(
    file: &Checkpoint,
    name: &str,
    bits: Bits,
    weight: [usize; 2],
) -> Result<QuantizedWeight, IoError> {
    let tensor = integers(name, bits);
    let (source, entry) = file.entry(&tensor)?;
    let mut bytes = source.bytes(&tensor, entry)?;
    if bits == Bits::Four {
        bytes = bytes.chunks(weight[1].div_ceil(2)).flat_map(|row| unpack(row, weight[1])).collect();
    }
    let values = bytes.into_iter().map(u8::cast_signed).collect();
    let (scales_file, scales_entry) = file.entry(&scales(name))?;
    let scales = scales_file.values(&scales(name), scales_entry, false)?;
    QuantizedWeight::new(bits, weight, values, scales).map_err(|source| problem(file, name, bits, source))
}

/// Why the integers of the weight `name` cannot be used.
pub(crate) fn problem(file: &Checkpoint, name: &str, bits: Bits, source: AdapterError) -> IoError {
    let (path, tensor) = (file.path().to_owned(), integers(name, bits));
    IoError::QuantizedWeight { path, tensor, source: Box::new(source) }
}

/// The integers of a row of pairs, each in a byte.
fn unpack(row: &[u8], inputs: usize) -> impl Iterator<Item = u8> {
    let sign_extended = |nibble: u8| ((nibble << 4).cast_signed() >> 4).cast_unsigned();
    row.iter().flat_map(move |pair| [sign_extended(pair & 15), sign_extended(pair >> 4)]).take(inputs)
}

fn pack(row: &[i8]) -> impl Iterator<Item = u8> {
    let nibble = |value: i8| value.cast_unsigned() & 15;
    row.chunks(2).map(move |pair| nibble(pair[0]) | pair.get(1).map_or(0, |&value| nibble(value) << 4))
}

/// The two tensors to write for the quantised weight `name`; each is read from its device when it is written.
pub(crate) fn sources<const D: usize>(
    name: &str,
    layout: QuantizedLayout,
    weight: Tensor<D>,
) -> [Source<'static>; 2] {
    let QuantizedLayout { bits, shape: [outputs, inputs], .. } = layout;
    let again = weight.clone();
    let values = Source {
        name: integers(name, bits),
        dtype: dtype(bits),
        shape: shape(bits, [outputs, inputs]).to_vec(),
        write: Box::new(move |out| out.write_all(&bytes(&stored(&weight)?))),
    };
    let scales = Source {
        name: scales(name),
        dtype: Dtype::F32,
        shape: vec![outputs, layout.blocks()],
        write: Box::new(move |out| {
            stored(&again)?.scales().iter().try_for_each(|scale| out.write_all(&scale.to_le_bytes()))
        }),
    };
    [values, scales]
}

fn stored<const D: usize>(weight: &Tensor<D>) -> io::Result<QuantizedWeight> {
    QuantizedWeight::of(weight).ok_or_else(|| io::Error::other("the weight is not quantised any more"))
}

fn bytes(weight: &QuantizedWeight) -> Vec<u8> {
    match weight.layout().bits {
        Bits::Eight => weight.values().iter().map(|value| value.cast_unsigned()).collect(),
        Bits::Four => weight.values().chunks(weight.layout().shape[1]).flat_map(pack).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn four_bits_are_packed_and_unpacked(row in prop::collection::vec(-7i8..=7, 1..40)) {
            let packed: Vec<u8> = pack(&row).collect();
            prop_assert_eq!(packed.len(), row.len().div_ceil(2));
            let unpacked: Vec<i8> = unpack(&packed, row.len()).map(u8::cast_signed).collect();
            prop_assert_eq!(unpacked, row);
        }
    }
}
