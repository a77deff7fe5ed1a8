//! Counting values that are NaN or infinite.

use std::fmt;

use burn::tensor::{DType, TensorData};

use crate::adapter::Adapter;

/// A tensor with values that are NaN or infinite.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NonFinite {
    /// The name of the tensor, or the path of its module.
    pub name: String,
    /// The number of values that are NaN or infinite.
    pub count: usize,
    /// The number of all values.
    pub of: usize,
}

impl NonFinite {
    /// `count` of `of` values of the tensor `name`.
    pub fn new(name: &str, count: usize, of: usize) -> Self {
        Self { name: name.to_string(), count, of }
    }

    /// The tensor `name` with these values, if any of them is NaN or infinite.
    pub fn of(name: &str, data: &TensorData) -> Option<Self> {
        let count = count_non_finite(data);
        (count > 0).then(|| Self::new(name, count, data.num_elements()))
    }
}

/// ``3 of 24 values of `encoder.block.0.layer.0.SelfAttention.k` are NaN or infinite``
impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} values of `{}` are NaN or infinite", self.count, self.of, self.name)
    }
}

impl std::error::Error for NonFinite {}

/// Describes the first tensor and counts the others: ``3 of 24 values of `k` are NaN or infinite, and values of 2 other
/// tensors``.
pub fn describe_non_finite(found: &[NonFinite]) -> String {
    let first = found.first().map(NonFinite::to_string).unwrap_or_default();
    match found.len().saturating_sub(1) {
        0 => first,
        1 => format!("{first}, and values of 1 other tensor"),
        others => format!("{first}, and values of {others} other tensors"),
    }
}

/// The number of values that are NaN or infinite. Integers are finite.
pub fn count_non_finite(data: &TensorData) -> usize {
    let of_pairs = |exponent: u16| {
        let values = data.bytes().as_chunks::<2>().0.iter();
        values.filter(|value| u16::from_ne_bytes(**value) & exponent == exponent).count()
    };
    match data.dtype() {
        DType::F16 => of_pairs(0x7c00),
        DType::BF16 => of_pairs(0x7f80),
        DType::F32 => {
            let values = data.bytes().as_chunks::<4>().0.iter();
            values.filter(|value| !f32::from_ne_bytes(**value).is_finite()).count()
        }
        DType::F64 => data.iter::<f64>().filter(|value| !value.is_finite()).count(),
        _ => 0,
    }
}

impl Adapter {
    /// The vectors and the parameters of `modules_to_save` that hold values which are NaN or infinite.
    ///
    /// # Panics
    ///
    /// Panics if a device fails to return the values.
    pub fn non_finite(&self) -> Vec<NonFinite> {
        let vectors = self.vectors.iter().filter(|(_, vector)| vector.l.is_initialized());
        let vectors = vectors.filter_map(|(path, vector)| NonFinite::of(path, &vector.values().into_data()));
        vectors.chain(self.saved.iter().filter_map(|(path, data)| NonFinite::of(path, data))).collect()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::FloatDType;

    use super::*;

    #[test]
    fn values_of_every_float_are_counted() {
        let values = [1.0f32, f32::NAN, f32::MAX, -f32::INFINITY, 0.0, 1e-40];
        let data = TensorData::from(values);
        assert_eq!(count_non_finite(&data), 2);
        for (dtype, expected) in [(FloatDType::F16, 3), (FloatDType::BF16, 3), (FloatDType::F64, 2)] {
            // The largest float32 is infinite in the smaller types.
            assert_eq!(count_non_finite(&data.clone().convert_dtype(dtype.into())), expected, "{dtype:?}");
        }
        assert_eq!(count_non_finite(&TensorData::from([i64::MAX, -1])), 0);
    }

    #[test]
    fn the_first_tensor_is_named_and_the_others_are_counted() {
        let found = ["k", "v", "wo"].map(|name| NonFinite::of(name, &[f32::NAN, 1.0].into()).unwrap());
        assert_eq!(describe_non_finite(&found[..1]), "1 of 2 values of `k` are NaN or infinite");
        let two = describe_non_finite(&found[..2]);
        assert_eq!(two, "1 of 2 values of `k` are NaN or infinite, and values of 1 other tensor");
        assert!(describe_non_finite(&found).ends_with("values of 2 other tensors"));
    }
}
