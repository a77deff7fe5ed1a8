//! Where the values of a tensor are in its storage.

use std::ops::Range;

use safetensors::Dtype;

use crate::object::TensorRef;
use crate::problem::TorchProblem;

/// The bytes of a tensor in its storage.
pub(crate) struct Window {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Range<usize>,
    /// The size of the storage according to the pickle.
    pub(crate) storage_bytes: usize,
}

impl TensorRef {
    /// The window, if the description of the tensor in the pickle is consistent.
    pub(crate) fn window(&self) -> Result<Window, TorchProblem> {
        let dtype = self.storage.dtype;
        let width = float_width(dtype).ok_or(TorchProblem::Dtype { found: dtype })?;
        if !self.is_contiguous() {
            return Err(TorchProblem::Strides { shape: self.shape.clone(), strides: self.strides.clone() });
        }
        let shape: Vec<usize> = self.shape.iter().map(|dim| usize::try_from(*dim).unwrap_or(0)).collect();
        let len = shape.iter().try_fold(1usize, |n, dim| n.checked_mul(*dim));
        let bytes = |values: i64| usize::try_from(values).ok()?.checked_mul(width);
        let window = || {
            let (start, storage_bytes) = (bytes(self.offset)?, bytes(self.storage.len)?);
            let end = start.checked_add(len?.checked_mul(width)?).filter(|end| *end <= storage_bytes)?;
            Some(Window { dtype, shape: shape.clone(), bytes: start..end, storage_bytes })
        };
        window().ok_or(TorchProblem::Range { offset: self.offset, len, storage: self.storage.len })
    }

    /// Whether the values are in row-major order without gaps. The stride of an axis of length 1 does not matter.
    fn is_contiguous(&self) -> bool {
        let mut expected = Some(1i64);
        let mut axes = self.shape.iter().zip(&self.strides).rev();
        let fits = |(dim, stride): (&i64, &i64)| {
            let fits = *dim == 1 || Some(*stride) == expected;
            expected = expected.and_then(|n| n.checked_mul(*dim));
            fits && *dim >= 0
        };
        self.shape.len() == self.strides.len() && axes.all(fits)
    }
}

fn float_width(dtype: Dtype) -> Option<usize> {
    matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F64).then_some(dtype.bitsize() / 8)
}
