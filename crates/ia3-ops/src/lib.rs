#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod activation;
mod attention;
#[cfg(feature = "flex")]
mod autodiff;
mod cross_entropy;
#[cfg(feature = "flex")]
mod flex;
mod linear;
mod norm;
mod quantized;
mod scale;
mod softmax;

pub use activation::{gelu, gelu_tanh, relu, silu};
pub use attention::{attention, attention_capped, attention_with};
pub use cross_entropy::nll;
pub use linear::{linear, matmul_transposed};
pub use norm::{layer_norm, rms_norm};
pub use quantized::{
    has_integer_products, matmul_quantized, quantize, with_float_products, with_integer_products,
};
pub use scale::scale;
pub use softmax::softmax_last;

/// Whether there are kernels for `x`: float32 on `flex`, with or without autodiff.
#[cfg(feature = "flex")]
fn on_flex<const D: usize>(x: &burn::tensor::Tensor<D>) -> bool {
    use burn::backend::DispatchDevice;
    let device = x.device().without_autodiff();
    matches!(device.as_dispatch(), DispatchDevice::Flex(_)) && x.dtype() == burn::tensor::DType::F32
}
