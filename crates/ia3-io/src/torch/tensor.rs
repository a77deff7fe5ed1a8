//! A tensor as a pickle describes it: a window on a storage.

use std::ops::Range;
use std::rc::Rc;

use half::{bf16, f16};
use safetensors::Dtype;

use crate::convert::{Decode, Same};
use crate::torch::pickle::{Id, Object};
use crate::torch::problem::{PickleProblem, TorchProblem};

/// A storage: an entry of the archive.
#[derive(Clone, Debug)]
pub(super) struct Storage {
    pub(super) key: Rc<str>,
    pub(super) dtype: Dtype,
    /// The number of values by the pickle.
    pub(super) len: i64,
}

/// A tensor that is not yet read; nothing here is checked against the file.
#[derive(Clone, Debug)]
pub(crate) struct TensorRef {
    pub(super) storage: Storage,
    offset: i64,
    shape: Vec<i64>,
    strides: Vec<i64>,
}

/// PyTorch's own limit.
const MAX_AXES: usize = 64;

/// The arguments of `torch._utils._rebuild_tensor_v2`: storage, offset, shape, strides, whether it needs a
/// gradient, hooks; and metadata since PyTorch 2.0.
pub(super) fn rebuild_tensor(args: &[Id], objects: &[Object]) -> Result<TensorRef, PickleProblem> {
    const WHAT: PickleProblem =
        PickleProblem::Unexpected { what: "makes a tensor in another way than PyTorch" };
    let object = |id: Id| objects.get(id).unwrap_or(&Object::None);
    let ints = |ids: &[Id]| -> Option<Vec<i64>> {
        let int = |id: &Id| if let Object::Int(n) = object(*id) { Some(*n) } else { None };
        (ids.len() <= MAX_AXES).then(|| ids.iter().map(int).collect())?
    };
    let (&[storage, offset, shape, strides, _, _] | &[storage, offset, shape, strides, _, _, _]) = args
    else {
        return Err(WHAT);
    };
    match [storage, offset, shape, strides].map(object) {
        [Object::Storage(storage), Object::Int(offset), Object::Tuple(shape), Object::Tuple(strides)] => {
            let (shape, strides) = (ints(shape).ok_or(WHAT)?, ints(strides).ok_or(WHAT)?);
            Ok(TensorRef { storage: storage.clone(), offset: *offset, shape, strides })
        }
        _ => Err(WHAT),
    }
}

/// Where the bytes of a tensor are in its storage.
pub(super) struct Window {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    pub(super) bytes: Range<usize>,
    /// The bytes that the pickle says the storage has.
    pub(super) storage_bytes: usize,
}

impl TensorRef {
    /// Checks what the pickle says of the tensor against itself.
    pub(super) fn window(&self) -> Result<Window, TorchProblem> {
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

    /// Whether the last axis is the innermost; the stride of an axis of one value does not matter.
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

/// Little-endian values as float32: float32 bit for bit, the others rounded to nearest.
pub(super) fn decode(dtype: Dtype, bytes: &[u8]) -> Vec<f32> {
    fn all<D: Decode<f32>>(bytes: &[u8]) -> Vec<f32> {
        bytes.chunks_exact(D::WIDTH).map(D::value).collect()
    }
    match dtype {
        Dtype::F16 => all::<f16>(bytes),
        Dtype::BF16 => all::<bf16>(bytes),
        Dtype::F64 => all::<f64>(bytes),
        _ => all::<Same>(bytes),
    }
}
