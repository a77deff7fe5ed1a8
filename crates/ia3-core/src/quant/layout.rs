use burn::tensor::quantization::{QuantScheme, QuantValue, ScaleDtype};
use burn::tensor::{DType, Tensor};

use super::Bits;

/// The layout of a quantised weight. It does not depend on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuantizedLayout {
    /// The number of bits of an integer.
    pub bits: Bits,
    /// The shape `[d_out, d_in]` of the weight.
    pub shape: [usize; 2],
    /// The number of inputs that share a scale. It divides `d_in`.
    pub block: usize,
    /// Whether the integers may be −128 or −8. Those of [`quantize`](crate::quantize) have a range that is symmetric around 0.
    pub full_range: bool,
    /// Whether each scale has a minimum beside it. [`quantize`](crate::quantize) makes none.
    pub minima: bool,
}

impl QuantizedLayout {
    /// The layout of a weight `[d_in, d_out]` of a quantised base. It is `None` if the weight holds floats or is stored in a
    /// scheme that [`quantize`](crate::quantize) does not use.
    pub fn of<const D: usize>(weight: &Tensor<D>) -> Option<Self> {
        let DType::QFloat(scheme) = weight.dtype() else { return None };
        let &[inputs, outputs] = weight.dims().as_slice() else { return None };
        let block = block_of(scheme, inputs)?;
        let (bits, full_range) = range_of(scheme)?;
        let minima = ia3_ops::has_minima(weight);
        Some(Self { bits, shape: [outputs, inputs], block, full_range, minima })
    }

    /// The number of scales of one output.
    pub fn blocks(&self) -> usize {
        self.shape[1] / self.block
    }
}

/// The number of inputs that share a scale, or `None` if the outputs do not have float32 scales of their own.
fn block_of(scheme: QuantScheme, inputs: usize) -> Option<usize> {
    let one_level = scheme.num_levels() == 1 && scheme.scale_dtype() == ScaleDtype::F32;
    let size = scheme.block_size().filter(|_| one_level)?.to_dim_vec(2);
    (size[1] == 1 && inputs.is_multiple_of(size[0].into())).then_some(size[0].into())
}

/// The bits of a scheme, and whether the integers have the full range. `None` for another scheme.
fn range_of(scheme: QuantScheme) -> Option<(Bits, bool)> {
    match scheme.value {
        QuantValue::Q8S => Some((Bits::Eight, false)),
        QuantValue::Q8F => Some((Bits::Eight, true)),
        QuantValue::Q4S => Some((Bits::Four, false)),
        QuantValue::Q4F => Some((Bits::Four, true)),
        _ => None,
    }
}

impl Bits {
    /// Integers that may be the smallest of this size.
    pub(super) fn full_range(self) -> QuantValue {
        match self {
            Self::Eight => QuantValue::Q8F,
            Self::Four => QuantValue::Q4F,
        }
    }

    /// The largest integer of this size.
    pub(super) fn largest(self) -> i8 {
        match self {
            Self::Eight => 127,
            Self::Four => 7,
        }
    }
}
