use burn::tensor::quantization::{QuantScheme, QuantizedBytes};
use burn::tensor::{Bytes, DType, Device, Tensor, TensorData};

use super::Bits;
use super::layout::QuantizedLayout;
use super::scheme::{PACKED, blocks_of, fits, innermost, on_device};
use crate::quantization_error::QuantizationError;

/// The integers, scales and minima of a quantised weight, as a file holds them. They do not depend on the device.
///
/// The weight of output `o` and input `i` is `values[o, i] · scales[o, i / block]`, plus `minima[o, i / block]` if there are
/// minima.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantizedWeight {
    pub(super) layout: QuantizedLayout,
    pub(super) values: Vec<i8>,
    pub(super) scales: Vec<f32>,
    /// None, or as many as there are scales.
    pub(super) minima: Vec<f32>,
}

impl QuantizedWeight {
    /// Makes a weight from its integers `[d_out, d_in]` and scales `[d_out, d_in / block]`, both in row-major order.
    ///
    /// # Errors
    ///
    /// - [`QuantizationError::Parts`]: the number of integers or scales does not fit the shape, or a block has more than
    ///   255 inputs.
    /// - [`QuantizationError::Range`]: an integer is outside of −127 … 127 (8 bits) or −7 … 7 (4 bits).
    pub fn new(
        bits: Bits,
        shape: [usize; 2],
        values: Vec<i8>,
        scales: Vec<f32>,
    ) -> Result<Self, QuantizationError> {
        let weight = Self::with_full_range(bits, shape, values, scales)?;
        let largest = bits.largest();
        match weight.values.iter().find(|value| **value < -largest) {
            Some(&value) => Err(QuantizationError::Range { value, smallest: -largest, largest }),
            None => Ok(weight),
        }
    }

    /// Makes a weight as [`new`](Self::new) does, of integers that may be −128 (8 bits) or −8 (4 bits) too.
    ///
    /// # Errors
    ///
    /// The errors are those of [`new`](Self::new).
    pub fn with_full_range(
        bits: Bits,
        shape: [usize; 2],
        values: Vec<i8>,
        scales: Vec<f32>,
    ) -> Result<Self, QuantizationError> {
        let [outputs, inputs] = shape;
        let complete = outputs.checked_mul(inputs) == Some(values.len());
        let blocks = scales.len().checked_div(outputs).filter(|n| n * outputs == scales.len());
        let block = blocks.filter(|&n| n > 0 && inputs.is_multiple_of(n)).map(|n| inputs / n);
        let Some(block) = block.filter(|block| complete && (1..=255).contains(block)) else {
            return Err(QuantizationError::Parts { shape, values: values.len(), scales: scales.len() });
        };
        let (smallest, largest) = (-bits.largest() - 1, bits.largest());
        match values.iter().find(|value| !(smallest..=largest).contains(*value)) {
            Some(&value) => Err(QuantizationError::Range { value, smallest, largest }),
            None => {
                let full_range = values.contains(&smallest);
                let layout = QuantizedLayout { bits, shape, block, full_range, minima: false };
                Ok(Self { layout, values, scales, minima: vec![] })
            }
        }
    }

    /// Sets the minima `[d_out, d_in / block]`, in row-major order.
    ///
    /// # Errors
    ///
    /// [`QuantizationError::Minima`] if there are not as many as scales.
    pub fn with_minima(mut self, minima: Vec<f32>) -> Result<Self, QuantizationError> {
        if minima.len() != self.scales.len() {
            return Err(QuantizationError::Minima { minima: minima.len(), scales: self.scales.len() });
        }
        (self.minima, self.layout.minima) = (minima, true);
        Ok(self)
    }

    /// Reads a weight `[d_in, d_out]` of a quantised base from its device. It returns `None` if the weight has no
    /// [`QuantizedLayout`].
    pub fn of<const D: usize>(weight: &Tensor<D>) -> Option<Self> {
        let layout = QuantizedLayout::of(weight)?;
        let minima = ia3_ops::minima(weight).map(|minima| minima.transpose().into_data().iter().collect());
        let weight = ia3_ops::without_minima(weight.clone());
        // A weight that is packed along its inputs is stored with the inputs innermost, so it is read transposed.
        let packed = matches!(weight.dtype(), DType::QFloat(scheme) if scheme.store == PACKED);
        let stored = if packed { weight.swap_dims(0, 1) } else { weight };
        let (DType::QFloat(scheme), shape) = (stored.dtype(), stored.shape()) else { return None };
        let bytes = QuantizedBytes { bytes: stored.into_data().into_bytes(), scheme, shape };
        let (values, scales) = bytes.into_vec_i8();
        let [outputs, _] = layout.shape;
        let (values, scales) = match packed {
            true => (values, scales.block),
            false => (transposed(&values, outputs), transposed(&scales.block, outputs)),
        };
        Some(Self { layout, values, scales, minima: minima.unwrap_or_default() })
    }

    /// Makes a tensor `[d_in, d_out]` on a device, with exactly these integers and scales.
    ///
    /// # Errors
    ///
    /// - [`QuantizationError::Block`] if the device packs integers into words and the size of a block is not a multiple of
    ///   the number of integers in a word.
    /// - [`QuantizationError::MinimaOnDevice`] for a weight with minima on another device than `flex`.
    ///
    /// # Panics
    ///
    /// If `D` is not 2.
    pub fn into_tensor<const D: usize>(self, device: &Device) -> Result<Tensor<D>, QuantizationError> {
        let QuantizedLayout { bits, shape: [outputs, inputs], block, full_range, minima } = self.layout;
        let scheme = on_device(bits, device);
        let scheme = if full_range { scheme.with_value(bits.full_range()) } else { scheme };
        if !fits(scheme, block) {
            let (words, device) = (scheme.num_quants(), format!("{device:?}"));
            return Err(QuantizationError::Block { block, words, device });
        }
        let scheme = blocks_of(scheme, block);
        if scheme.store != PACKED {
            let (values, scales) =
                (transposed(&self.values, inputs), transposed(&self.scales, inputs / block));
            let data = TensorData::quantized(values, [inputs, outputs], scheme, &scales, None);
            let weight = Tensor::from_data(data, (device, DType::QFloat(scheme)));
            if !minima {
                return Ok(weight);
            }
            let minima = TensorData::new(transposed(&self.minima, inputs / block), [inputs / block, outputs]);
            let weight = ia3_ops::with_minima(weight, Tensor::from_data(minima, (device, DType::F32)));
            return weight.ok_or_else(|| minima_on(device));
        }
        if minima {
            return Err(minima_on(device));
        }
        let scheme = innermost(scheme, D);
        let bytes = Bytes::from_elems(words(&self.values, &self.scales, scheme));
        let data = TensorData::from_bytes(bytes, [outputs, inputs], DType::QFloat(scheme));
        Ok(Tensor::from_data(data, (device, DType::QFloat(scheme))).swap_dims(0, 1))
    }

    /// Makes a tensor as [`into_tensor`](Self::into_tensor) does. On `flex` a weight of 4 bits takes half a byte per element, as
    /// one of [`with_integer_products`](super::with_integer_products) does, which operations of burn cannot read; its products are
    /// those of the floats.
    ///
    /// # Errors
    ///
    /// The errors are those of [`into_tensor`](Self::into_tensor).
    ///
    /// # Panics
    ///
    /// If `D` is not 2.
    pub fn into_compact_tensor<const D: usize>(
        self,
        device: &Device,
    ) -> Result<Tensor<D>, QuantizationError> {
        self.into_tensor(device).map(ia3_ops::with_halves_of_bytes)
    }

    /// The layout of the weight: bits, shape and size of the blocks.
    pub fn layout(&self) -> QuantizedLayout {
        self.layout
    }

    /// The integers `[d_out, d_in]`, in row-major order.
    pub fn values(&self) -> &[i8] {
        &self.values
    }

    /// The scales `[d_out, d_in / block]`, in row-major order.
    pub fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// The minima `[d_out, d_in / block]`, in row-major order. There are none if
    /// [`QuantizedLayout::minima`] is `false`.
    pub fn minima(&self) -> &[f32] {
        &self.minima
    }
}

fn minima_on(device: &Device) -> QuantizationError {
    QuantizationError::MinimaOnDevice { device: format!("{device:?}") }
}

/// Transposes a matrix with rows of `width` values. It handles a few rows at a time, so that they stay in the cache.
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

/// Packs the integers into words, with the first integer in the lowest bits, and appends the scales. burn 0.22 cannot pack
/// integers of fewer than 8 bits at this point.
fn words(values: &[i8], scales: &[f32], scheme: QuantScheme) -> Vec<u32> {
    let per_word = scheme.num_quants();
    let bits = 32 / per_word;
    let mask = u32::MAX >> (32 - bits);
    let word =
        |chunk: &[i8]| chunk.iter().rev().fold(0, |word: u32, &value| (word << bits) | (value as u32 & mask));
    values.chunks(per_word).map(word).chain(scales.iter().map(|scale| scale.to_bits())).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Distribution;
    use burn::tensor::quantization::QuantValue;

    use super::super::scheme::quantize_as;
    use super::*;

    fn random(bits: Bits, [inputs, outputs]: [usize; 2], block: usize) -> Tensor<2> {
        let device = Device::flex();
        let weight = Tensor::random([inputs, outputs], Distribution::Normal(0.0, 1.0), &device);
        quantize_as(weight, blocks_of(on_device(bits, &device), block)).0
    }

    #[test]
    fn numbers_and_tensor_are_one_to_the_bit() {
        for (bits, shape, block) in
            [(Bits::Eight, [24, 5], 12), (Bits::Four, [9, 130], 9), (Bits::Four, [128, 3], 64)]
        {
            let tensor = random(bits, shape, block);
            let stored = QuantizedWeight::of(&tensor).unwrap();
            let [inputs, outputs] = shape;
            assert_eq!(
                stored.layout(),
                QuantizedLayout { bits, shape: [outputs, inputs], block, full_range: false, minima: false }
            );
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
            assert!(matches!(error, QuantizationError::Parts { .. }), "{shape:?}: {error}");
        }
        let overflowing = new([usize::MAX, 2], vec![], 0).unwrap_err();
        assert!(matches!(overflowing, QuantizationError::Parts { .. }));
        let error = new([2, 4], vec![0, -8, 0, 0, 0, 0, 0, 0], 4).unwrap_err().to_string();
        assert_eq!(error, "a quantised weight holds the integer -8, expected -7 to 7");
    }
}
