use burn::tensor::quantization::{QuantScheme, QuantValue, QuantizedBytes, ScaleDtype};
use burn::tensor::{Bytes, DType, Device, Tensor, TensorData};

use super::Bits;
use super::scheme::{PACKED, blocks_of, fits, innermost, on_device};
use crate::error::AdapterError;

/// How a quantised weight is stored, the same on every device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuantizedLayout {
    /// How many bits an integer has.
    pub bits: Bits,
    /// `[d_out, d_in]`
    pub shape: [usize; 2],
    /// How many inputs share a scale; they divide `d_in`.
    pub block: usize,
}

impl QuantizedLayout {
    /// That of a weight `[d_in, d_out]` of a quantised base; `None` for floats, and for schemes that
    /// [`quantize`](crate::quantize) does not make.
    pub fn of<const D: usize>(weight: &Tensor<D>) -> Option<Self> {
        let DType::QFloat(scheme) = weight.dtype() else { return None };
        let &[inputs, outputs] = weight.dims().as_slice() else { return None };
        let block = block_of(scheme, inputs)?;
        Some(Self { bits: Bits::of(scheme)?, shape: [outputs, inputs], block })
    }

    /// How many scales an output has.
    pub fn blocks(&self) -> usize {
        self.shape[1] / self.block
    }
}

/// A quantised weight as plain numbers, the same on every device: what a file holds.
///
/// Its value is `values[o, i] · scales[o, i / block]`, for output `o` and input `i`.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedWeight {
    layout: QuantizedLayout,
    values: Vec<i8>,
    scales: Vec<f32>,
}

impl QuantizedWeight {
    /// A weight of integers `[d_out, d_in]` and scales `[d_out, d_in / block]`, both row by row.
    ///
    /// # Errors
    ///
    /// [`AdapterError::QuantizedParts`] for numbers of integers and scales that do not fit the shape, or blocks of more than 255
    /// inputs; [`AdapterError::QuantizedRange`] for an integer outside of −127 … 127, or −7 … 7.
    pub fn new(
        bits: Bits,
        shape: [usize; 2],
        values: Vec<i8>,
        scales: Vec<f32>,
    ) -> Result<Self, AdapterError> {
        let [outputs, inputs] = shape;
        let complete = outputs.checked_mul(inputs) == Some(values.len());
        let blocks = scales.len().checked_div(outputs).filter(|n| n * outputs == scales.len());
        let block = blocks.filter(|&n| n > 0 && inputs.is_multiple_of(n)).map(|n| inputs / n);
        let Some(block) = block.filter(|block| complete && (1..=255).contains(block)) else {
            return Err(AdapterError::QuantizedParts { shape, values: values.len(), scales: scales.len() });
        };
        let largest = bits.largest();
        match values.iter().find(|value| value.unsigned_abs() > largest) {
            Some(&value) => Err(AdapterError::QuantizedRange { value, largest }),
            None => Ok(Self { layout: QuantizedLayout { bits, shape, block }, values, scales }),
        }
    }

    /// A weight `[d_in, d_out]` of a quantised base, read from its device; `None` where it has no [`QuantizedLayout`].
    pub fn of<const D: usize>(weight: &Tensor<D>) -> Option<Self> {
        let layout = QuantizedLayout::of(weight)?;
        // Words that pack inputs are the stored tensor's own with the inputs innermost.
        let packed = matches!(weight.dtype(), DType::QFloat(scheme) if scheme.store == PACKED);
        let stored = if packed { weight.clone().swap_dims(0, 1) } else { weight.clone() };
        let (DType::QFloat(scheme), shape) = (stored.dtype(), stored.shape()) else { return None };
        let bytes = QuantizedBytes { bytes: stored.into_data().into_bytes(), scheme, shape };
        let (values, scales) = bytes.into_vec_i8();
        let [outputs, _] = layout.shape;
        let (values, scales) = match packed {
            true => (values, scales.block),
            false => (transposed(&values, outputs), transposed(&scales.block, outputs)),
        };
        Some(Self { layout, values, scales })
    }

    /// The weight `[d_in, d_out]` on a device, of exactly these numbers.
    ///
    /// # Errors
    ///
    /// [`AdapterError::QuantizedBlock`] where the device packs integers into words that its blocks are no multiple of.
    ///
    /// # Panics
    ///
    /// If `D` is not 2.
    pub fn into_tensor<const D: usize>(self, device: &Device) -> Result<Tensor<D>, AdapterError> {
        let QuantizedLayout { bits, shape: [outputs, inputs], block } = self.layout;
        let scheme = on_device(bits, device);
        if !fits(scheme, block) {
            let (words, device) = (scheme.num_quants(), format!("{device:?}"));
            return Err(AdapterError::QuantizedBlock { block, words, device });
        }
        let scheme = blocks_of(scheme, block);
        if scheme.store != PACKED {
            let (values, scales) =
                (transposed(&self.values, inputs), transposed(&self.scales, inputs / block));
            let data = TensorData::quantized(values, [inputs, outputs], scheme, &scales, None);
            return Ok(Tensor::from_data(data, (device, DType::QFloat(scheme))));
        }
        let scheme = innermost(scheme, D);
        let bytes = Bytes::from_elems(words(&self.values, &self.scales, scheme));
        let data = TensorData::from_bytes(bytes, [outputs, inputs], DType::QFloat(scheme));
        Ok(Tensor::from_data(data, (device, DType::QFloat(scheme))).swap_dims(0, 1))
    }

    /// Bits, shape and blocks.
    pub fn layout(&self) -> QuantizedLayout {
        self.layout
    }

    /// The integers, `[d_out, d_in]`.
    pub fn values(&self) -> &[i8] {
        &self.values
    }

    /// The scales, `[d_out, d_in / block]`.
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// Scaled along its outputs: exactly, in the scales, a sign in the integers.
    pub(super) fn scaled(mut self, l: &[f32]) -> Self {
        let rows = self.values.chunks_exact_mut(self.layout.shape[1]);
        let rows = rows.zip(self.scales.chunks_exact_mut(self.layout.blocks()));
        for ((values, scales), l) in rows.zip(l) {
            // The integers are symmetric around 0, so a sign is exact; where the product is 0, so are they.
            let sign = if *l == 0.0 { 0 } else { l.signum() as i8 };
            values.iter_mut().for_each(|value| *value *= sign);
            scales.iter_mut().for_each(|scale| *scale *= l.abs());
        }
        self
    }
}

/// The transposed matrix of one with rows of `width`, a few rows at a time, which stay in the cache.
fn transposed<T: Copy + Default>(matrix: &[T], width: usize) -> Vec<T> {
    const ROWS: usize = 64;
    let height = matrix.len() / width;
    let mut columns = vec![T::default(); matrix.len()];
    for (strip, rows) in matrix.chunks(ROWS * width).enumerate() {
        for (row, values) in rows.chunks_exact(width).enumerate() {
            let at = strip * ROWS + row;
            values.iter().enumerate().for_each(|(column, value)| columns[column * height + at] = *value);
        }
    }
    columns
}

/// Integers packed into words, the first in the lowest bits, and the scales behind them. burn 0.22 itself packs no fewer
/// than 8 bits here.
fn words(values: &[i8], scales: &[f32], scheme: QuantScheme) -> Vec<u32> {
    let per_word = scheme.num_quants();
    let bits = 32 / per_word;
    let mask = u32::MAX >> (32 - bits);
    let word =
        |chunk: &[i8]| chunk.iter().rev().fold(0, |word: u32, &value| (word << bits) | (value as u32 & mask));
    values.chunks(per_word).map(word).chain(scales.iter().map(|scale| scale.to_bits())).collect()
}

/// The inputs that share a scale, where each output has its own float32 scales.
fn block_of(scheme: QuantScheme, inputs: usize) -> Option<usize> {
    let one_level = scheme.num_levels() == 1 && scheme.scale_dtype() == ScaleDtype::F32;
    let size = scheme.block_size().filter(|_| one_level)?.to_dim_vec(2);
    (size[1] == 1 && inputs.is_multiple_of(size[0].into())).then_some(size[0].into())
}

impl Bits {
    /// Those of a symmetric scheme.
    fn of(scheme: QuantScheme) -> Option<Self> {
        match scheme.value {
            QuantValue::Q8S => Some(Self::Eight),
            QuantValue::Q4S => Some(Self::Four),
            _ => None,
        }
    }

    /// The largest integer.
    fn largest(self) -> u8 {
        match self {
            Self::Eight => 127,
            Self::Four => 7,
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Distribution;

    use super::super::scheme::quantize_as;
    use super::*;

    fn random(bits: Bits, [inputs, outputs]: [usize; 2], block: usize) -> Tensor<2> {
        let device = Device::flex();
        let weight = Tensor::random([inputs, outputs], Distribution::Normal(0.0, 1.0), &device);
        quantize_as(weight, blocks_of(on_device(bits, &device), block))
    }

    #[test]
    fn numbers_and_tensor_are_one_to_the_bit() {
        for (bits, shape, block) in
            [(Bits::Eight, [24, 5], 12), (Bits::Four, [9, 130], 9), (Bits::Four, [128, 3], 64)]
        {
            let tensor = random(bits, shape, block);
            let stored = QuantizedWeight::of(&tensor).unwrap();
            let [inputs, outputs] = shape;
            assert_eq!(stored.layout(), QuantizedLayout { bits, shape: [outputs, inputs], block });
            let again = stored.clone().into_tensor::<2>(&Device::flex()).unwrap();
            assert_eq!(again.dtype(), tensor.dtype());
            again.clone().into_data().assert_eq(&tensor.clone().into_data(), true);
            let float: Vec<f32> = tensor.dequantize().into_data().iter().collect();
            for (o, row) in stored.values().chunks(inputs).enumerate() {
                for (i, value) in row.iter().enumerate() {
                    let scale = stored.scales()[o * (inputs / block) + i / block];
                    assert_eq!(f32::from(*value) * scale, float[i * outputs + o]);
                }
            }
        }
    }

    #[test]
    fn words_of_a_gpu_are_read_as_they_were() {
        for (bits, value) in [(Bits::Eight, QuantValue::Q8S), (Bits::Four, QuantValue::Q4S)] {
            let stored = QuantizedWeight::of(&random(bits, [48, 3], 16)).unwrap();
            let packed = QuantScheme::default().with_value(value).with_store(PACKED);
            assert!(fits(packed, 16) && !fits(packed, 18));
            let scheme = innermost(blocks_of(packed, 16), 2);
            let words = words(stored.values(), stored.scales(), scheme);
            assert_eq!(words.len(), 3 * 48 / scheme.num_quants() + stored.scales().len());
            let bytes = QuantizedBytes { bytes: Bytes::from_elems(words), scheme, shape: [3, 48].into() };
            let (values, scales) = bytes.into_vec_i8();
            assert_eq!((values.as_slice(), scales.block.as_slice()), (stored.values(), stored.scales()));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let new = |shape, values: Vec<i8>, scales: usize| {
            QuantizedWeight::new(Bits::Four, shape, values, vec![1.0; scales])
        };
        assert!(new([2, 4], vec![7; 8], 4).is_ok());
        for (shape, values, scales) in [
            ([2, 4], 7, 4),
            ([2, 4], 8, 3),
            ([2, 4], 8, 0),
            ([0, 4], 0, 0),
            ([2, 6], 12, 8),
            ([1, 300], 300, 1),
        ] {
            let error = new(shape, vec![0; values], scales).unwrap_err();
            assert!(matches!(error, AdapterError::QuantizedParts { .. }), "{shape:?}: {error}");
        }
        let overflowing = new([usize::MAX, 2], vec![], 0).unwrap_err();
        assert!(matches!(overflowing, AdapterError::QuantizedParts { .. }));
        let error = new([2, 4], vec![0, -8, 0, 0, 0, 0, 0, 0], 4).unwrap_err().to_string();
        assert_eq!(error, "a quantised weight holds the integer -8, expected -7 to 7");
    }
}
