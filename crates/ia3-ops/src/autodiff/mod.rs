//! The operations with their backward pass.

mod activation;
mod attention;
mod checkpoint;
mod given;
mod linear;
mod nll;
mod norm;
mod parents;
mod quantized;
mod scale;
mod softmax;

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::{Autodiff, Flex, tensor::FloatTensor, tensor::QuantizedTensor};
use burn::tensor::quantization::QuantScheme;
use ia3_kernels::activation::Activation;
use ia3_kernels::norm::Norm;

use crate::flex::form::Form;
use crate::flex::{Again, FastOps, SlotRows, Targets};

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

impl<C: CheckpointStrategy> FastOps for Autodiff<Flex, C> {
    fn fast_activation(x: Tracked<C>, op: Activation) -> Tracked<C> {
        activation::forward::<C>(x, op)
    }

    fn fast_softmax(x: Tracked<C>) -> Tracked<C> {
        softmax::forward::<C>(x)
    }

    fn fast_attention(
        q: Tracked<C>,
        k: Tracked<C>,
        v: Tracked<C>,
        bias: Tracked<C>,
        scale: f32,
    ) -> Tracked<C> {
        attention::forward::<C>([q, k, v], bias, scale)
    }

    /// It has no gradient; `crate::slot_attention` takes no tensor that needs one.
    fn fast_slot_attention(
        q: Tracked<C>,
        k: Tracked<C>,
        v: Tracked<C>,
        bias: Tracked<C>,
        scale: f32,
        rows: SlotRows,
    ) -> Tracked<C> {
        let [q, k, v, bias] = [q, k, v, bias].map(Tracked::<C>::into_primitive);
        Tracked::<C>::new(Flex::fast_slot_attention(q, k, v, bias, scale, rows))
    }

    fn fast_linear(x: Tracked<C>, w: Tracked<C>, b: Tracked<C>) -> Tracked<C> {
        linear::forward::<C>(x, w, b)
    }

    fn fast_matmul_quantized(x: Tracked<C>, weight: QuantizedTensor<Self>) -> Tracked<C> {
        quantized::forward::<C>(x, weight)
    }

    fn fast_to_form(weight: QuantizedTensor<Self>, minima: Tracked<C>, form: Form) -> QuantizedTensor<Self> {
        Flex::fast_to_form(weight, minima.into_primitive(), form)
    }

    fn fast_minima(weight: QuantizedTensor<Self>) -> Tracked<C> {
        Tracked::<C>::new(Flex::fast_minima(weight))
    }

    fn fast_floats(weight: QuantizedTensor<Self>) -> Tracked<C> {
        Tracked::<C>::new(Flex::fast_floats(weight))
    }

    /// Integers have no gradient.
    fn fast_quantize(weight: Tracked<C>, scheme: QuantScheme) -> (QuantizedTensor<Self>, f64) {
        Flex::fast_quantize(weight.into_primitive(), scheme)
    }

    fn fast_scale(x: Tracked<C>, l: Tracked<C>) -> Tracked<C> {
        scale::forward::<C>(x, l)
    }

    fn fast_norm(x: Tracked<C>, gamma: Tracked<C>, beta: Tracked<C>, norm: Norm) -> Tracked<C> {
        norm::forward::<C>(x, gamma, beta, norm)
    }

    fn fast_checkpoint(
        y: Tracked<C>,
        first: Tracked<C>,
        second: Tracked<C>,
        third: Tracked<C>,
        fourth: Tracked<C>,
        leaf: Tracked<C>,
        again: Again,
    ) -> Tracked<C> {
        checkpoint::forward::<C>(y, [first, second, third, fourth], leaf, again)
    }

    fn fast_with_gradient(losses: Tracked<C>, x: Tracked<C>, gradient: Tracked<C>) -> Tracked<C> {
        given::forward::<C>(losses, x, gradient)
    }

    fn fast_nll(logits: Tracked<C>, targets: Targets) -> Tracked<C> {
        nll::forward::<C>(logits, targets)
    }
}
