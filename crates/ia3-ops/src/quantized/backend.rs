//! The product as an operation of burn's backend `flex`, and its backward.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{
    Autodiff, Backend, Flex, TensorMetadata, backend_extension,
    tensor::{FloatTensor, QuantizedTensor},
};
use burn::tensor::quantization::{QuantScheme, QuantStore, ScaleDtype};
use burn::tensor::{DType, Tensor};

use crate::extension::{Primitive, contiguous, new};
use crate::kernel::few::{self, Lines, Scales};
use crate::kernel::gemm;
use crate::kernel::panels::{Scaled, Transposed};
use crate::matrix::FEW;

/// Products with weights that stay integers.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait QuantizedOps: Backend {
    /// See [`crate::matmul_quantized`].
    fn quantized_product(x: FloatTensor<Self>, weight: QuantizedTensor<Self>) -> FloatTensor<Self>;
}

type Packed = QuantizedTensor<Flex>;

/// Whether it is a weight `[d_in, d_out]` of bytes with float32 scales of blocks of inputs.
pub(super) fn has_kernel(weight: &Tensor<2>) -> bool {
    let DType::QFloat(scheme) = weight.dtype() else { return false };
    let [d_in, _] = weight.dims();
    block(scheme).is_some_and(|block| d_in.is_multiple_of(block))
}

fn block(scheme: QuantScheme) -> Option<usize> {
    let plain = scheme.num_levels() == 1
        && scheme.scale_dtype() == ScaleDtype::F32
        && scheme.store == QuantStore::Native;
    let size = scheme.block_size().filter(|_| plain)?.to_dim_vec(2);
    (size[1] == 1).then_some(size[0].into())
}

impl QuantizedOps for Flex {
    fn quantized_product(x: Primitive, weight: Packed) -> Primitive {
        let ([rows, _], [inputs, outputs]): ([usize; 2], [usize; 2]) =
            (x.shape().dims(), weight.shape().dims());
        let (x, bytes) = (contiguous(x), contiguous(weight.tensor().clone()));
        let (x, bytes, scales) = (x.storage(), bytes.storage(), scales(&weight));
        let y = match rows {
            0..=FEW => few::product(x, inputs, Lines { data: bytes, outputs, scales: Some(scales) }),
            _ => gemm::product(x, [rows, inputs, outputs], &Scaled { bytes, outputs, scales }),
        };
        new(y, vec![rows, outputs])
    }
}

/// `g·Wᵀ`
fn gradient(g: Primitive, weight: &Packed) -> Primitive {
    let ([rows, _], [inputs, outputs]): ([usize; 2], [usize; 2]) = (g.shape().dims(), weight.shape().dims());
    let (g, bytes) = (contiguous(g), contiguous(weight.tensor().clone()));
    let scaled = Scaled { bytes: bytes.storage(), outputs, scales: scales(weight) };
    new(gemm::product(g.storage(), [rows, outputs, inputs], &Transposed(scaled)), vec![rows, inputs])
}

fn scales(weight: &Packed) -> Scales<'_> {
    Scales { values: weight.scales(), block: block(weight.scheme()).expect("a scheme with a kernel") }
}

impl<C: CheckpointStrategy> QuantizedOps for Autodiff<Flex, C> {
    fn quantized_product(x: FloatTensor<Self>, weight: Packed) -> FloatTensor<Self> {
        match ProductBackward.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let y = Flex::quantized_product(x.into_primitive(), weight.clone());
                prepared.finish(weight, y)
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(Flex::quantized_product(x.into_primitive(), weight))
            }
        }
    }
}

#[derive(Debug)]
struct ProductBackward;

impl Backward<Flex, 1> for ProductBackward {
    /// The integers.
    type State = Packed;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let g = grads.consume::<Flex>(&ops.node);
        if let Some(parent) = &ops.parents[0] {
            grads.register::<Flex>(parent.id, gradient(g, &ops.state));
        }
    }
}
