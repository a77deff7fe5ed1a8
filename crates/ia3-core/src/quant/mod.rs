//! Stores the weights of a frozen base in 8 or 4 bits.

mod fitted;
mod fold;
mod layout;
mod products;
mod scaled;
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
use crate::quantization_error::QuantizationError;
use crate::visit_params::{ParamMapper, ParamVisitor, map_params, visit_params_with};

pub(crate) use fold::{fold, requantize};
pub use layout::QuantizedLayout;
pub use products::with_integer_products;
use scheme::{quantize_as, scheme};
pub use stored::QuantizedWeight;

/// The size of the integers of a quantised weight. Every block of inputs of an output also has a float32 scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    /// 8 bits: the integers are from −127 to 127.
    Eight,
    /// 4 bits: the integers are from −7 to 7.
    Four,
}

/// The options of [`quantize`]. `Bits::Eight.into()` gives options that do not quantise the language-model head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quantization {
    /// The size of the integers that weights are stored as.
    pub bits: Bits,
    /// Whether the language-model head is quantised too, if it has a weight of its own. The head is the largest matrix that
    /// generation reads for each token. It is also the last one, so its error directly becomes the error of the logits.
    pub head: bool,
}

impl Quantization {
    /// Quantises all linear layers except the language-model head.
    pub fn new(bits: Bits) -> Self {
        Self { bits, head: false }
    }

    /// Sets [`head`](Self::head).
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
    /// The linear layers that were not quantised: the language-model head, unless [`Quantization::head`] includes it, and the
    /// layers whose number of inputs has no divisor from 8 to 64.
    pub left: Vec<String>,
}

impl QuantizeReport {
    /// The largest relative error of a weight.
    pub fn worst(&self) -> f64 {
        self.errors.values().copied().fold(0.0, f64::max)
    }
}

/// Quantises the weights of the linear layers of a base. The quantisation is symmetric, with one scale per block of up to 64
/// inputs of one output. Embeddings, norms and biases are not quantised, and neither is the language-model head unless
/// [`Quantization::head`] is `true`.
///
/// Everything that works on a float base works on the result: the vectors are float32 and multiply activations, and only they
/// are trained. [`merge`](crate::merge) is exact for vectors that scale outputs.
///
/// # Errors
///
/// - [`AdapterError::AlreadyAttached`]: the model carries vectors.
/// - [`QuantizationError::AlreadyQuantized`]: the model is quantised already.
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
    first.0.map_or(Ok(()), |path| Err(QuantizationError::AlreadyQuantized { path }.into()))
}

/// Quantises the weights of a model one by one, with the same results as [`quantize`]. It is for models whose float weights do
/// not fit into memory together.
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

    /// Quantises the parameter at `path` if it is the weight `[d_in, d_out]` of a linear layer that is to be quantised. It
    /// returns every other parameter unchanged.
    pub fn quantize<const D: usize>(&mut self, path: &ParamPath, parameter: Tensor<D>) -> Tensor<D> {
        let Some(linear) = self.linear::<D>(path) else { return parameter };
        let (module, wanted) = (linear.path.clone(), self.how.head || !linear.output_embedding);
        let scheme = scheme(self.how.bits, parameter.dims()[0], &parameter.device());
        let Some(scheme) = scheme.filter(|_| wanted) else {
            self.report.left.push(module);
            return parameter;
        };
        let (quantized, error) = quantize_as(parameter, scheme);
        self.report.errors.insert(module, error);
        quantized
    }

    /// The report on the weights that were quantised and on the layers that were not.
    pub fn report(self) -> QuantizeReport {
        self.report
    }

    /// The linear layer whose weight is the parameter at `path`, if there is one.
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

/// Whether a weight is stored in integers.
pub(crate) fn is_quantized<const D: usize>(weight: &Tensor<D>) -> bool {
    matches!(weight.dtype(), DType::QFloat(_))
}
