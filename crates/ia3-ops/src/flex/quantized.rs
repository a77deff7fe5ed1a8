//! Products with weights that stay integers.
//!
//! A weight says in the store of its scheme how few rows are multiplied with it: [`QuantStore::Native`] by the floats of the
//! rows, [`FAST`] by integers too. A fast weight of four bits holds two integers in a byte. No operation of burn knows that,
//! so its layout is one that none of them can read: they panic instead of computing with wrong numbers.

use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::{Flex, TensorMetadata, tensor::QuantizedTensor};
use burn::tensor::quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype};
use burn::tensor::{DType, Tensor, TensorData};
use ia3_kernels::integer::{self, Nibbles};
use ia3_kernels::packed_gemm::{self, Transposed};
use ia3_kernels::{Scales, Weight};

use super::matmul::FEW_ROWS;
use super::tensor::{Primitive, contiguous, new};
use crate::by_row::is_by_row;

/// A quantised tensor of `flex`.
pub(crate) type Quantized = QuantizedTensor<Flex>;

/// The store of a weight that is multiplied in integers.
pub(crate) const FAST: QuantStore = QuantStore::PackedNative(1);

/// Whether it is a weight `[d_in, d_out]` of integers with float32 scales of blocks of inputs.
pub(crate) fn has_kernel(weight: &Tensor<2>) -> bool {
    let DType::QFloat(scheme) = weight.dtype() else { return false };
    let [d_in, _] = weight.dims();
    block(scheme).is_some_and(|block| d_in.is_multiple_of(block))
}

/// Inputs that share a scale, if the scheme is one of those.
pub(super) fn block(scheme: QuantScheme) -> Option<usize> {
    let plain = scheme.num_levels() == 1
        && scheme.scale_dtype() == ScaleDtype::F32
        && (scheme.store == QuantStore::Native || scheme.store == FAST && is_symmetric(scheme));
    let size = scheme.block_size().filter(|_| plain)?.to_dim_vec(2);
    (size[1] == 1).then_some(size[0].into())
}

/// Whether the integers are from −127 to 127 or from −7 to 7.
fn is_symmetric(scheme: QuantScheme) -> bool {
    matches!(scheme.value, QuantValue::Q8S | QuantValue::Q4S)
}

/// Whether weights of these dimensions get their integers by a kernel.
pub(crate) fn makes(scheme: QuantScheme, dims: &[usize]) -> bool {
    is_symmetric(scheme)
        && scheme.store == QuantStore::Native
        && matches!((dims, block(scheme)), (&[d_in, _], Some(block)) if d_in.is_multiple_of(block))
}

/// Whether the weight can be one of the other kind; see [`to_store`].
pub(crate) fn has_stores(scheme: QuantScheme, dims: &[usize]) -> bool {
    is_symmetric(scheme)
        && matches!((dims, block(scheme)), (&[d_in, _], Some(block)) if d_in.is_multiple_of(block))
}

/// The weight as one that is multiplied by floats, or in integers. It must have such stores.
pub(crate) fn to_store(weight: &Quantized, store: QuantStore) -> Quantized {
    let scheme = weight.scheme().with_store(store);
    let values = match (is_packed(weight.scheme()), is_packed(scheme)) {
        (false, true) => pack(weight),
        (true, false) => {
            let dims: [usize; 2] = weight.shape().dims();
            FlexTensor::from_data(TensorData::new(nibbles(weight).unpack(), dims))
        }
        _ => weight.tensor().clone(),
    };
    Quantized::new(values, scheme, weight.scales().to_vec(), None)
}

/// Whether two integers are in a byte.
fn is_packed(scheme: QuantScheme) -> bool {
    scheme.store == FAST && scheme.value == QuantValue::Q4S
}

/// The integers of a weight, two to a byte, in a layout that begins behind its memory.
fn pack(weight: &Quantized) -> FlexTensor {
    let dims: [usize; 2] = weight.shape().dims();
    let Scales { block, .. } = scales(weight);
    let values = contiguous(weight.tensor().clone());
    let bytes = Nibbles::pack(values.storage(), dims, block);
    let len = bytes.len();
    // burn has a type for bytes with a sign only.
    let bytes: Vec<i8> = bytes.into_iter().map(u8::cast_signed).collect();
    let layout = Layout::new(dims.into(), vec![dims[1] as isize, 1], len);
    FlexTensor::from_data(TensorData::new(bytes, [len])).with_layout(layout)
}

fn nibbles(weight: &Quantized) -> Nibbles<'_> {
    Nibbles::new(weight.tensor().bytes(), weight.shape().dims(), scales(weight))
}

/// `x·W`. A few rows are multiplied by a fast weight in integers, unless the product has to be that of the floats.
pub(crate) fn product(x: Primitive, weight: &Quantized, floats: bool) -> Primitive {
    let ([rows, _], dims): ([usize; 2], [usize; 2]) = (x.shape().dims(), weight.shape().dims());
    let x = contiguous(x);
    let few = rows <= FEW_ROWS || is_by_row();
    let (x, fast) = (x.storage(), weight.scheme().store == FAST && !floats && few);
    let y = match fast && is_packed(weight.scheme()) {
        true => integer::product_nibbles(x, rows, nibbles(weight)),
        false => with_bytes(weight, |weight| match few {
            true if fast => integer::product(x, rows, weight),
            true => integer::product_exact(x, rows, weight),
            false => packed_gemm::product(x, [rows, dims[0], dims[1]], &weight),
        }),
    };
    new(y, vec![rows, dims[1]])
}

/// The gradient of `x`, `g·Wᵀ`.
pub(crate) fn gradient(g: Primitive, weight: &Quantized) -> Primitive {
    let ([rows, _], dims): ([usize; 2], [usize; 2]) = (g.shape().dims(), weight.shape().dims());
    let g = contiguous(g);
    let product =
        |weight: Weight<i8>| packed_gemm::product(g.storage(), [rows, dims[1], dims[0]], &Transposed(weight));
    new(with_bytes(weight, product), vec![rows, dims[0]])
}

/// What `f` makes of the weight in whole bytes. A weight of two integers in a byte is unpacked for it.
fn with_bytes(weight: &Quantized, f: impl FnOnce(Weight<i8>) -> Vec<f32>) -> Vec<f32> {
    if is_packed(weight.scheme()) {
        let packed = nibbles(weight);
        return f(packed.with_integers(&packed.unpack()));
    }
    let bytes = contiguous(weight.tensor().clone());
    f(Weight::new(bytes.storage(), weight.shape().dims(), Some(scales(weight))))
}

fn scales(weight: &Quantized) -> Scales<'_> {
    let block = block(weight.scheme()).expect("a scheme that `has_kernel` accepts");
    Scales { values: weight.scales(), block }
}
