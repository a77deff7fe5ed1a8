//! How a device stores integers.

use burn::tensor::quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype};
use burn::tensor::{DType, Device, Tensor};

use super::Bits;

/// Sizes of blocks, the largest that divides the number of inputs is taken.
const BLOCKS: std::ops::RangeInclusive<usize> = 8..=64;

/// A scale for each block of the `inputs` of each output of a weight `[d_in, d_out]`, as large a block as divides them.
pub(super) fn scheme(bits: Bits, inputs: usize, device: &Device) -> Option<QuantScheme> {
    let scheme = on_device(bits, device);
    let mut sizes = BLOCKS.rev().filter(|&size| fits(scheme, size));
    sizes.find(|size| inputs.is_multiple_of(*size)).map(|block| blocks_of(scheme, block))
}

/// How a device stores integers: GPUs pack them into words, along the inputs; what has no such words stores each in a byte.
pub(super) fn on_device(bits: Bits, device: &Device) -> QuantScheme {
    let value = match bits {
        Bits::Eight => QuantValue::Q8S,
        Bits::Four => QuantValue::Q4S,
    };
    let packed = QuantScheme::default().with_value(value).with_store(PACKED);
    let packs = device.supports_dtype(DType::QFloat(packed));
    if packs { packed } else { packed.with_store(QuantStore::Native) }
}

/// Whether a block of inputs fills whole words.
pub(super) fn fits(scheme: QuantScheme, block: usize) -> bool {
    scheme.store != PACKED || block.is_multiple_of(scheme.num_quants())
}

pub(super) fn blocks_of(scheme: QuantScheme, block: usize) -> QuantScheme {
    scheme.per_block([block as u8, 1], ScaleDtype::F32)
}

/// A weight `[d_in, d_out]` in a scheme of [`scheme`]. Kernels pack along the innermost axis, so a packed weight is quantised
/// transposed and seen the other way round.
pub(super) fn quantize_as<const D: usize>(weight: Tensor<D>, scheme: QuantScheme) -> Tensor<D> {
    match scheme.store == PACKED {
        false => weight.quantize_dynamic(&scheme),
        true => weight.swap_dims(0, 1).quantize_dynamic(&innermost(scheme, D)).swap_dims(0, 1),
    }
}

/// Along the last axis but one: the inputs of a weight `[d_in, d_out]`.
pub(super) const PACKED: QuantStore = QuantStore::PackedU32(1);

/// The scheme of a packed weight as its device stores it, outputs first and inputs innermost.
pub(super) fn innermost(mut scheme: QuantScheme, rank: usize) -> QuantScheme {
    scheme.swap_block_dims(rank, 0, 1);
    scheme.with_store(QuantStore::PackedU32(0))
}
