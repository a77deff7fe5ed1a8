#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod activation;
mod attention;
#[cfg(feature = "flex")]
mod autodiff;
mod by_row;
mod checkpoint;
mod cross_entropy;
mod dropout;
#[cfg(feature = "flex")]
mod flex;
mod integers;
mod linear;
mod nll_by_blocks;
mod norm;
mod quantized;
mod scale;
mod slot_attention;
mod softmax;
mod widened;

pub use activation::{gelu, gelu_tanh, relu, silu};
pub use attention::{attention, attention_capped, attention_with};
pub use by_row::by_row;
pub use checkpoint::{checkpoint, has_checkpoints};
pub use cross_entropy::nll;
pub use dropout::dropout;
pub use integers::{
    has_integer_products, has_minima, in_form_of, minima, with_float_products, with_halves_of_bytes,
    with_integer_products, with_minima, without_minima,
};
pub use linear::{linear, matmul_transposed};
pub use nll_by_blocks::{nll_and_classes_by_blocks, nll_by_blocks};
pub use norm::{layer_norm, rms_norm};
pub use quantized::{matmul_quantized, quantize};
pub use scale::scale;
pub use slot_attention::{SlotRow, slot_attention};
pub use softmax::softmax_last;

/// Whether [`linear`] on this device widens elements of a weight in half precision as it reads them, so that float32 states cost
/// no copy of the weight: on `flex`, with its kernels compiled in.
pub fn widens_as_it_reads(device: &burn::tensor::Device) -> bool {
    #[cfg(feature = "flex")]
    return is_flex(device);
    #[cfg(not(feature = "flex"))]
    {
        let _ = device;
        false
    }
}

/// Whether it is burn's CPU backend, with or without autodiff.
#[cfg(feature = "flex")]
fn is_flex(device: &burn::tensor::Device) -> bool {
    use burn::backend::DispatchDevice;
    let device = device.clone().without_autodiff();
    matches!(device.as_dispatch(), DispatchDevice::Flex(_))
}

/// Whether there are kernels for `x`: float32 on `flex`, with or without autodiff.
#[cfg(feature = "flex")]
fn on_flex<const D: usize>(x: &burn::tensor::Tensor<D>) -> bool {
    is_flex(&x.device()) && x.dtype() == burn::tensor::DType::F32
}
