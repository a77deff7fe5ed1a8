//! The kernels as operations of a backend of burn.

use std::fmt::Debug;
use std::sync::Arc;

use burn::backend::autodiff::NodeId;
use burn::backend::{Backend, Flex, backend_extension, tensor::FloatTensor, tensor::QuantizedTensor};
use burn::tensor::quantization::QuantScheme;
use ia3_kernels::activation::Activation;
use ia3_kernels::norm::Norm;

use super::form::{self, Form, Quantized};
use super::tensor::{Primitive, contiguous, rows_contiguous};
use super::{activation, attention, linear, nll, norm, quantize, quantized, scale, softmax};
use crate::slot_attention::SlotRow;

/// The class of each row. A negative one does not count.
pub(crate) type Targets = Arc<Vec<i64>>;

/// Where the keys of each row lie.
pub(crate) type SlotRows = Arc<Vec<SlotRow>>;

/// A block that runs again in the backward pass.
pub(crate) type Again = Arc<dyn RunAgain>;

/// How many tensors a block reads whose gradients it computes, besides those of its parameters.
pub(crate) const BLOCK_INPUTS: usize = 4;

/// See [`Again`].
pub(crate) trait RunAgain: Debug + Send + Sync {
    /// Runs the block with its backward pass for the gradient `g` of its result.
    fn gradients(&self, g: Primitive) -> BlockGradients;
}

/// The gradients that a block computes.
pub(crate) struct BlockGradients {
    /// Those of the inputs that want one.
    pub(crate) inputs: [Option<Primitive>; BLOCK_INPUTS],
    /// Those of the parameters, by their nodes in the graph that the block belongs to.
    pub(crate) parameters: Vec<(NodeId, Primitive)>,
}

/// The operations that have kernels: forward here for [`Flex`], forward and backward in `crate::autodiff`. All but the
/// weights of products are float32.
#[backend_extension(Flex, Autodiff)]
pub(crate) trait FastOps: Backend {
    /// An activation of each element.
    fn fast_activation(x: FloatTensor<Self>, op: Activation) -> FloatTensor<Self>;

    /// Softmax over the last axis.
    fn fast_softmax(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Attention; see [`crate::attention`].
    fn fast_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        scale: f32,
    ) -> FloatTensor<Self>;

    /// Attention of rows whose keys and values lie in slots; see [`crate::slot_attention`].
    fn fast_slot_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        scale: f32,
        rows: SlotRows,
    ) -> FloatTensor<Self>;

    /// `x·w + b` for matrices, with `w` in float32 or in half precision; a `b` without elements adds nothing. See
    /// [`crate::linear`].
    fn fast_linear(x: FloatTensor<Self>, w: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self>;

    /// `x·W` for a quantised `W`; see [`crate::matmul_quantized`].
    fn fast_matmul_quantized(x: FloatTensor<Self>, weight: QuantizedTensor<Self>) -> FloatTensor<Self>;

    /// The weight in another form, with other minima if there are any.
    fn fast_to_form(
        weight: QuantizedTensor<Self>,
        minima: FloatTensor<Self>,
        form: Form,
    ) -> QuantizedTensor<Self>;

    /// The minima of a weight; see [`crate::minima`].
    fn fast_minima(weight: QuantizedTensor<Self>) -> FloatTensor<Self>;

    /// The floats of a weight; see [`crate::with_float_products`].
    fn fast_floats(weight: QuantizedTensor<Self>) -> FloatTensor<Self>;

    /// A weight in integers, and its relative error; see [`crate::quantize`].
    fn fast_quantize(weight: FloatTensor<Self>, scheme: QuantScheme) -> (QuantizedTensor<Self>, f64);

    /// `x ⊙ l` with one vector for all rows of `x`, or one for each run of consecutive rows; see [`crate::scale`].
    fn fast_scale(x: FloatTensor<Self>, l: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Normalised rows times `gamma`, plus `beta`; a `beta` without elements adds nothing. See [`crate::layer_norm`].
    fn fast_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        norm: Norm,
    ) -> FloatTensor<Self>;

    /// `y`, which a block computed of four inputs without recording it, with the backward pass of the block. `leaf` wants a gradient,
    /// and gets none, if the block trains parameters. See [`crate::checkpoint`].
    fn fast_checkpoint(
        y: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        third: FloatTensor<Self>,
        fourth: FloatTensor<Self>,
        leaf: FloatTensor<Self>,
        again: Again,
    ) -> FloatTensor<Self>;

    /// The losses `[rows]` of the rows of `x` `[rows, d]`, whose sum has the `gradient` `[rows, d]`.
    fn fast_with_gradient(
        losses: FloatTensor<Self>,
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// The negative log-likelihoods `[rows]` of logits `[rows, classes]`.
    fn fast_nll(logits: FloatTensor<Self>, targets: Targets) -> FloatTensor<Self>;
}

impl FastOps for Flex {
    fn fast_activation(x: Primitive, op: Activation) -> Primitive {
        activation::apply(x, op)
    }

    fn fast_softmax(x: Primitive) -> Primitive {
        softmax::apply(x)
    }

    fn fast_attention(q: Primitive, k: Primitive, v: Primitive, bias: Primitive, scale: f32) -> Primitive {
        attention::apply([&q, &k, &v], &rows_contiguous(bias), scale).0
    }

    fn fast_slot_attention(
        q: Primitive,
        k: Primitive,
        v: Primitive,
        bias: Primitive,
        scale: f32,
        rows: SlotRows,
    ) -> Primitive {
        attention::in_slots([&q, &k, &v], &rows_contiguous(bias), scale, &rows)
    }

    fn fast_linear(x: Primitive, w: Primitive, b: Primitive) -> Primitive {
        linear::apply(x, &w, b)
    }

    fn fast_matmul_quantized(x: Primitive, weight: Quantized) -> Primitive {
        quantized::product(x, &weight, false)
    }

    fn fast_to_form(weight: Quantized, minima: Primitive, form: Form) -> Quantized {
        form::to_form(&weight, minima, form)
    }

    fn fast_minima(weight: Quantized) -> Primitive {
        form::minima_of(&weight)
    }

    fn fast_floats(weight: Quantized) -> Primitive {
        form::floats(&weight)
    }

    fn fast_quantize(weight: Primitive, scheme: QuantScheme) -> (Quantized, f64) {
        quantize::apply(&weight, scheme)
    }

    fn fast_scale(x: Primitive, l: Primitive) -> Primitive {
        scale::apply(x, l)
    }

    fn fast_norm(x: Primitive, gamma: Primitive, beta: Primitive, norm: Norm) -> Primitive {
        norm::apply(x, gamma, beta, norm)
    }

    /// There is no backward pass.
    fn fast_checkpoint(
        y: Primitive,
        _: Primitive,
        _: Primitive,
        _: Primitive,
        _: Primitive,
        _: Primitive,
        _: Again,
    ) -> Primitive {
        y
    }

    /// There is no backward pass.
    fn fast_with_gradient(losses: Primitive, _: Primitive, _: Primitive) -> Primitive {
        losses
    }

    fn fast_nll(logits: Primitive, targets: Targets) -> Primitive {
        nll::losses(&contiguous(logits), &targets).0
    }
}
