//! Products with weights that stay integers.

use burn::backend::{Flex, TensorMetadata, tensor::QuantizedTensor};
use burn::tensor::quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype};
use burn::tensor::{DType, Tensor};
use ia3_kernels::packed_gemm::{self, Transposed};
use ia3_kernels::{Scales, Weight, gemv};

use super::matmul::FEW_ROWS;
use super::tensor::{Primitive, contiguous, new};

/// A quantised tensor of `flex`.
pub(crate) type Quantized = QuantizedTensor<Flex>;

/// Whether it is a weight `[d_in, d_out]` of bytes with float32 scales of blocks of inputs.
pub(crate) fn has_kernel(weight: &Tensor<2>) -> bool {
    let DType::QFloat(scheme) = weight.dtype() else { return false };
    let [d_in, _] = weight.dims();
    block(scheme).is_some_and(|block| d_in.is_multiple_of(block))
}

/// Inputs that share a scale, if the scheme is one of those.
pub(super) fn block(scheme: QuantScheme) -> Option<usize> {
    let plain = scheme.num_levels() == 1
        && scheme.scale_dtype() == ScaleDtype::F32
        && scheme.store == QuantStore::Native;
    let size = scheme.block_size().filter(|_| plain)?.to_dim_vec(2);
    (size[1] == 1).then_some(size[0].into())
}

/// Whether weights of these dimensions get their integers by a kernel.
pub(crate) fn makes(scheme: QuantScheme, dims: &[usize]) -> bool {
    let symmetric = matches!(scheme.value, QuantValue::Q8S | QuantValue::Q4S);
    symmetric && matches!((dims, block(scheme)), (&[d_in, _], Some(block)) if d_in.is_multiple_of(block))
}

/// `x·W`
pub(crate) fn product(x: Primitive, weight: &Quantized) -> Primitive {
    let ([rows, _], dims): ([usize; 2], [usize; 2]) = (x.shape().dims(), weight.shape().dims());
    let (x, bytes) = (contiguous(x), contiguous(weight.tensor().clone()));
    let kernel_weight = Weight::<i8>::new(bytes.storage(), dims, Some(scales(weight)));
    let y = match rows {
        0..=FEW_ROWS => gemv::product(x.storage(), rows, kernel_weight),
        _ => packed_gemm::product(x.storage(), [rows, dims[0], dims[1]], &kernel_weight),
    };
    new(y, vec![rows, dims[1]])
}

/// The gradient of `x`, `g·Wᵀ`.
pub(crate) fn gradient(g: Primitive, weight: &Quantized) -> Primitive {
    let ([rows, _], dims): ([usize; 2], [usize; 2]) = (g.shape().dims(), weight.shape().dims());
    let (g, bytes) = (contiguous(g), contiguous(weight.tensor().clone()));
    let transposed = Transposed(Weight::<i8>::new(bytes.storage(), dims, Some(scales(weight))));
    new(packed_gemm::product(g.storage(), [rows, dims[1], dims[0]], &transposed), vec![rows, dims[0]])
}

fn scales(weight: &Quantized) -> Scales<'_> {
    let block = block(weight.scheme()).expect("a scheme that `has_kernel` accepts");
    Scales { values: weight.scales(), block }
}
