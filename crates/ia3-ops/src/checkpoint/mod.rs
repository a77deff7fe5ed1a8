//! Blocks that run again in the backward pass.

#[cfg(feature = "flex")]
mod again;
#[cfg(feature = "flex")]
mod parameters;
#[cfg(feature = "flex")]
mod tensors;

use burn::module::Module;
use burn::tensor::{Device, Tensor};

/// Whether [`checkpoint`] keeps less on this device: on `flex`, with its kernels compiled in.
pub fn has_checkpoints(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    return crate::is_flex(device);
    #[cfg(not(feature = "flex"))]
    {
        let _ = device;
        false
    }
}

/// `run(block, x, others)`, of whose computation nothing is kept for the backward pass but the inputs. The backward pass runs the
/// block again (arXiv 1604.06174).
///
/// Gradients reach `x`, `others`, and the parameters of `block` that require one; they have the bits that they have without a
/// checkpoint, except where one of `others` is the bias of an [`attention`](crate::attention) and wants a gradient. What `run`
/// captures besides must need no gradient. [`dropout`](crate::dropout) keeps the same elements in both runs; other random numbers
/// would be drawn anew.
///
/// On other backends than `flex`, and without autodiff, it is `run` alone.
///
/// # Shapes
///
/// - `x`: `[batch, seq, d]`
/// - returns `[batch, seq, d]`
///
/// # Panics
///
/// Panics if there are more than three `others`.
pub fn checkpoint<M: Module + 'static, const N: usize>(
    block: &M,
    x: Tensor<3>,
    others: [Tensor<4>; N],
    run: impl Fn(&M, Tensor<3>, [Tensor<4>; N]) -> Tensor<3> + Send + 'static,
) -> Tensor<3> {
    #[cfg(feature = "flex")]
    if crate::is_flex(&x.device()) && x.device().is_autodiff() {
        return again::checkpoint(block, x, others, run);
    }
    run(block, x, others)
}
