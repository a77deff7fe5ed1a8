//! Products of integers instead of floats.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use super::is_quantized;
use crate::param_path::ParamPath;
use crate::visit_params::{ParamMapper, map_params};

/// The model with quantised weights that are multiplied in integers, for faster generation on `flex`.
///
/// A product of up to eight rows with such a weight quantises the rows too, to eight bits with one scale per block of inputs
/// of the weight. An output then differs from the exact product by at most half a step of a row's integers times the
/// weight's magnitudes. Products of more rows, and all products in training, are as exact as before.
///
/// Weights of four bits need half the memory. Nothing but this library can read them: an operation of burn on such a weight
/// panics, and so does moving it to another device. [`QuantizedWeight`](crate::QuantizedWeight), [`merge`](crate::merge) and
/// saving work as before. Weights of floats, and weights on other devices, stay as they are.
///
/// ```
/// use burn::{nn::LinearConfig, tensor::{Device, Tensor}};
/// use ia3_core::{ActivationSpace, Bits, Ia3Forward, quantize, with_integer_products};
///
/// #[derive(burn::module::Module, Debug)]
/// struct Net { wo: burn::nn::Linear }
/// impl ActivationSpace for Net {}
///
/// let device = Device::flex();
/// let base = Net { wo: LinearConfig::new(64, 8).init(&device) };
/// let (exact, _) = quantize(&base, Bits::Four)?;
/// let fast = with_integer_products(exact.clone());
/// let [exact, fast] = [exact, fast].map(|net| net.wo.ia3_forward(Tensor::<2>::ones([1, 64], &device)));
/// assert!((exact - fast).abs().max().into_scalar::<f32>() < 1e-3);
/// # Ok::<(), ia3_core::AdapterError>(())
/// ```
pub fn with_integer_products<M: Module>(model: M) -> M {
    map_params(model, &mut Marker)
}

struct Marker;

impl ParamMapper for Marker {
    fn map_float<const D: usize>(&mut self, _: &ParamPath, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match param.is_initialized() && is_quantized(&param.base()) {
            true => param.map(ia3_ops::with_integer_products),
            false => param,
        }
    }
}
