//! A frozen base in 8 or 4 bits.

mod fold;
mod scheme;
mod stored;

use std::collections::BTreeMap;

use burn::module::Param;
use burn::tensor::{DType, Tensor};
use ia3_config::{ModelInfo, ModuleInfo};

use crate::activation_space::ActivationSpace;
use crate::check::check_pristine;
use crate::error::AdapterError;
use crate::param_path::ParamPath;
use crate::visit_params::{ParamMapper, ParamVisitor, map_params, visit_params_with};

pub(crate) use fold::{fold_output, requantize};
use scheme::{quantize_as, scheme};
pub use stored::{QuantizedLayout, QuantizedWeight};

/// The size of the integers of a quantised weight. Each block of inputs of each output has a float32 scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    /// `−127 … 127`.
    Eight,
    /// `−7 … 7`.
    Four,
}

/// Options of [`quantize`]. `Bits::Eight.into()` leaves the language-model head as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quantization {
    /// The size of the integers that weights are stored as.
    pub bits: Bits,
    /// Whether the language-model head is quantised too, where it has a weight of its own. The head is the largest matrix
    /// that generation reads for each token, and the last one, so that its error is the error of the logits.
    pub head: bool,
}

impl Quantization {
    /// Quantises all linear layers except the language-model head.
    pub fn new(bits: Bits) -> Self {
        Self { bits, head: false }
    }

    /// The same with another [`head`](Self::head).
    pub fn with_head(self, head: bool) -> Self {
        Self { head, ..self }
    }
}

impl From<Bits> for Quantization {
    fn from(bits: Bits) -> Self {
        Self::new(bits)
    }
}

/// The report of [`quantize`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuantizeReport {
    /// The relative error `‖W − Wq‖ / ‖W‖` of each quantised weight, by module path.
    pub errors: BTreeMap<String, f64>,
    /// The linear layers that were left as they are: the language-model head, unless it was asked for, and those whose number
    /// of inputs has no divisor from 8 to 64.
    pub left: Vec<String>,
}

impl QuantizeReport {
    /// The largest of the relative errors.
    pub fn worst(&self) -> f64 {
        self.errors.values().copied().fold(0.0, f64::max)
    }
}

/// The base with the weights of its linear layers quantised, symmetrically and by blocks of up to 64 inputs of one output;
/// embeddings, norms, biases and, unless [`Quantization::head`] asks for it, the language-model head stay as they are.
///
/// Everything that works on a float base works on the result: vectors are float32 and multiply activations, nothing else
/// is trained. [`merge`](crate::merge) is exact where vectors scale outputs.
///
/// # Errors
///
/// [`AdapterError::AlreadyAttached`] for a model with vectors, [`AdapterError::AlreadyQuantized`] for a quantised one.
///
/// ```
/// use burn::{nn::LinearConfig, tensor::{Device, Tensor}};
/// use ia3_core::{ActivationSpace, Bits, Ia3Forward, quantize};
///
/// #[derive(burn::module::Module, Debug)]
/// struct Net { wo: burn::nn::Linear }
/// impl ActivationSpace for Net {}
///
/// let device = Device::flex();
/// let base = Net { wo: LinearConfig::new(64, 8).init(&device) };
/// let (quantized, report) = quantize(&base, Bits::Eight)?;
/// assert!(report.worst() < 0.01);
/// let y = quantized.wo.ia3_forward(Tensor::<2>::ones([1, 64], &device));
/// assert_eq!(y.dims(), [1, 8]);
/// # Ok::<(), ia3_core::AdapterError>(())
/// ```
pub fn quantize<M: ActivationSpace>(
    base: &M,
    how: impl Into<Quantization>,
) -> Result<(M, QuantizeReport), AdapterError> {
    check_pristine(base)?;
    check_float(base)?;
    let mut quantizer = Quantizer::new(base.info(), how);
    let quantized = map_params(base.clone(), &mut quantizer);
    Ok((quantized, quantizer.report()))
}

fn check_float<M: ActivationSpace>(base: &M) -> Result<(), AdapterError> {
    struct First(Option<String>);
    impl ParamVisitor for First {
        fn visit_float<const D: usize>(&mut self, path: &ParamPath, param: &Param<Tensor<D>>) {
            if self.0.is_none() && param.is_initialized() && is_quantized(&param.base()) {
                self.0 = Some(path.module());
            }
        }
    }
    let mut first = First(None);
    visit_params_with(base, &mut first);
    first.0.map_or(Ok(()), |path| Err(AdapterError::AlreadyQuantized { path }))
}

/// Quantises the weights of a model one after the other, as [`quantize`] does all of them: for a model whose float weights
/// are not to be in memory together.
#[derive(Clone, Debug)]
pub struct Quantizer {
    info: ModelInfo,
    how: Quantization,
    report: QuantizeReport,
}

impl Quantizer {
    /// A quantiser for the weights of the model that `info` describes.
    pub fn new(info: ModelInfo, how: impl Into<Quantization>) -> Self {
        Self { info, how: how.into(), report: QuantizeReport::default() }
    }

    /// The parameter at `path` in integers, if it is the weight `[d_in, d_out]` of a linear layer that is quantised;
    /// anything else as it is.
    pub fn quantize<const D: usize>(&mut self, path: &ParamPath, parameter: Tensor<D>) -> Tensor<D> {
        let Some(linear) = self.linear::<D>(path) else { return parameter };
        let (module, wanted) = (linear.path.clone(), self.how.head || !linear.output_embedding);
        let scheme = scheme(self.how.bits, parameter.dims()[0], &parameter.device());
        let Some(scheme) = scheme.filter(|_| wanted) else {
            self.report.left.push(module);
            return parameter;
        };
        let quantized = quantize_as(parameter.clone().cast(DType::F32), scheme);
        self.report.errors.insert(module, relative_error(parameter, quantized.clone()));
        quantized
    }

    /// The report of what was quantised.
    pub fn report(self) -> QuantizeReport {
        self.report
    }

    /// The linear layer whose weight is the parameter at `path`.
    fn linear<const D: usize>(&self, path: &ParamPath) -> Option<&ModuleInfo> {
        let found = self.info.module(&path.module());
        found.filter(|m| path.name() == "weight" && D == 2 && m.kind.is_adaptable())
    }
}

impl ParamMapper for Quantizer {
    fn map_float<const D: usize>(&mut self, path: &ParamPath, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let param = param.set_require_grad(false);
        match self.linear::<D>(path) {
            None => param,
            Some(_) => param.map(|weight| self.quantize(path, weight)),
        }
    }
}

/// `‖a − b‖ / ‖a‖`
pub(crate) fn relative_error<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> f64 {
    let (a, b) = (a.dequantize().cast(DType::F32), b.dequantize());
    let norm = |t: Tensor<D>| f64::from(t.square().sum().into_scalar::<f32>()).sqrt();
    norm(a.clone() - b) / norm(a).max(f64::MIN_POSITIVE)
}

/// Whether a weight is stored in integers.
pub(crate) fn is_quantized<const D: usize>(weight: &Tensor<D>) -> bool {
    matches!(weight.dtype(), DType::QFloat(_))
}
