//! The kernels of `ia3-kernels` on tensors of burn's CPU backend, `flex`.

pub(crate) mod activation;
pub(crate) mod attention;
pub(crate) mod form;
pub(crate) mod linear;
mod matmul;
pub(crate) mod nll;
pub(crate) mod norm;
mod ops;
pub(crate) mod quantize;
pub(crate) mod quantized;
pub(crate) mod scale;
pub(crate) mod softmax;
pub(crate) mod tensor;

pub(crate) use ops::{Again, BLOCK_INPUTS, BlockGradients, FastOps, RunAgain, SlotRows, Targets};
