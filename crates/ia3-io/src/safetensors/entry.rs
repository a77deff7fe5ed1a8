//! Where a file has a tensor, and what it is.

use burn::tensor::DType;
use safetensors::Dtype;

/// One tensor of a file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// Its dtype.
    pub dtype: Dtype,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its size.
    pub bytes: usize,
    pub(super) start: u64,
}

impl Entry {
    /// Where its bytes begin in the file.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// The dtype it has in memory: float16 and bfloat16 are kept, everything else becomes float32.
    pub fn float_dtype(&self) -> DType {
        match self.dtype {
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::BF16,
            _ => DType::F32,
        }
    }
}
