//! The schemes in which devices store quantised weights.

use burn::tensor::quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype};
use burn::tensor::{DType, Device, Tensor};

use super::Bits;

/// The possible sizes of a block. The largest size that divides the number of inputs is used.
const BLOCKS: std::ops::RangeInclusive<usize> = 8..=64;

/// The scheme for a weight `[d_in, d_out]` with this number of inputs: each output has one scale per block, and the block is
/// the largest that divides `inputs`. It is `None` if no block size divides `inputs`.
pub(super) fn scheme(bits: Bits, inputs: usize, device: &Device) -> Option<QuantScheme> {
    let scheme = on_device(bits, device);
    let mut sizes = BLOCKS.rev().filter(|&size| fits(scheme, size));
    sizes.find(|size| inputs.is_multiple_of(*size)).map(|block| blocks_of(scheme, block))
}

/// The scheme in which a device stores integers. GPUs pack several integers along the inputs into one word; other devices
/// store each integer in a byte.
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

/// The scheme whose integers have a range that is symmetric around 0.
pub(super) fn symmetric(scheme: QuantScheme) -> QuantScheme {
    match scheme.value {
        QuantValue::Q8F => scheme.with_value(QuantValue::Q8S),
        QuantValue::Q4F => scheme.with_value(QuantValue::Q4S),
        _ => scheme,
    }
}

/// Quantises a weight `[d_in, d_out]` in a scheme that [`scheme`] returns, and returns its relative error too. Kernels pack
/// along the innermost axis, so a packed weight is transposed, quantised, and returned as a transposed view.
pub(super) fn quantize_as<const D: usize>(weight: Tensor<D>, scheme: QuantScheme) -> (Tensor<D>, f64) {
    match scheme.store == PACKED {
        false => ia3_ops::quantize(weight, &scheme),
        true => {
            let (turned, error) = ia3_ops::quantize(weight.swap_dims(0, 1), &innermost(scheme, D));
            (turned.swap_dims(0, 1), error)
        }
    }
}

/// Words are packed along the last axis but one, which is the inputs of a weight `[d_in, d_out]`.
pub(super) const PACKED: QuantStore = QuantStore::PackedU32(1);

/// The scheme of a packed weight in the layout that its device stores, with the outputs first and the inputs innermost.
pub(super) fn innermost(mut scheme: QuantScheme, rank: usize) -> QuantScheme {
    scheme.swap_block_dims(rank, 0, 1);
    scheme.with_store(QuantStore::PackedU32(0))
}
