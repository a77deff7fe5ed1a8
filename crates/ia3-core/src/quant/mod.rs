//! A frozen base in 8 or 4 bits.

mod fold;

use std::collections::BTreeMap;

use burn::module::Param;
use burn::tensor::quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype};
use burn::tensor::{DType, Device, Tensor};
use ia3_config::ModelInfo;

use crate::attach::{ActivationSpace, check_pristine};
use crate::error::Ia3Error;
use crate::path::{MapBase, ParameterPath, map_base};

pub(crate) use fold::{fold_output, requantize};

/// What a weight is stored in: integers, and a float32 scale for each block of inputs of each output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    /// `−127 … 127`.
    Eight,
    /// `−7 … 7`.
    Four,
}

/// What [`quantize`] did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuantizeReport {
    /// The layers whose weight was quantised: `‖W − Wq‖ / ‖W‖`, by module path.
    pub errors: BTreeMap<String, f64>,
    /// The linear layers that were left as they are: the language-model head, and those whose number of inputs has no
    /// divisor from 8 to 64.
    pub left: Vec<String>,
}

impl QuantizeReport {
    /// The largest of the relative errors.
    pub fn worst(&self) -> f64 {
        self.errors.values().copied().fold(0.0, f64::max)
    }
}

/// Sizes of blocks, the largest that divides the number of inputs is taken.
const BLOCKS: std::ops::RangeInclusive<usize> = 8..=64;

/// The base with the weights of its linear layers quantised, symmetrically and by blocks of up to 64 inputs of one output;
/// embeddings, norms, biases and the language-model head stay as they are.
///
/// Everything that works on a float base works on the result: vectors are float32 and multiply activations, nothing else
/// is trained. [`merge`](crate::merge) is exact where vectors scale outputs.
///
/// # Errors
///
/// [`Ia3Error::AlreadyAttached`] for a model with vectors.
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
/// # Ok::<(), ia3_core::Ia3Error>(())
/// ```
pub fn quantize<M: ActivationSpace>(base: &M, bits: Bits) -> Result<(M, QuantizeReport), Ia3Error> {
    check_pristine(base)?;
    let (info, mut report) = (base.info(), QuantizeReport::default());
    let quantized = map_base(base.clone(), Quantizer { info: &info, bits, report: &mut report });
    Ok((quantized, report))
}

struct Quantizer<'a> {
    info: &'a ModelInfo,
    bits: Bits,
    report: &'a mut QuantizeReport,
}

impl MapBase for Quantizer<'_> {
    fn map<const D: usize>(&mut self, path: &ParameterPath, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (module, leaf) = path.split();
        let found = self.info.module(&module);
        let linear = found.filter(|m| leaf == "weight" && D == 2 && m.kind.is_adaptable());
        let Some(linear) = linear else { return param.set_require_grad(false) };
        let scheme = scheme(self.bits, param.lazy_shape()[0], &param.lazy_device());
        let (Some(scheme), false) = (scheme, linear.output_embedding) else {
            self.report.left.push(module);
            return param.set_require_grad(false);
        };
        param.set_require_grad(false).map(|weight| {
            let quantized = quantize_as(weight.clone().cast(DType::F32), scheme);
            self.report.errors.insert(module, relative_error(weight, quantized.clone()));
            quantized
        })
    }
}

/// A scale for each block of the `inputs` of each output of a weight `[d_in, d_out]`, as large a block as divides them.
///
/// GPUs pack integers into words, along the inputs; what has no such words stores each integer in a byte.
fn scheme(bits: Bits, inputs: usize, device: &Device) -> Option<QuantScheme> {
    let value = match bits {
        Bits::Eight => QuantValue::Q8S,
        Bits::Four => QuantValue::Q4S,
    };
    let packed = QuantScheme::default().with_value(value).with_store(PACKED);
    let packs = device.supports_dtype(DType::QFloat(packed));
    let scheme = if packs { packed } else { packed.with_store(QuantStore::Native) };
    let mut sizes = BLOCKS.rev().filter(|size| !packs || size.is_multiple_of(packed.num_quants()));
    let block = sizes.find(|size| inputs.is_multiple_of(*size))?;
    Some(scheme.per_block([block as u8, 1], ScaleDtype::F32))
}

/// A weight `[d_in, d_out]` in a scheme of [`scheme`]. Kernels pack along the innermost axis, so a packed weight is quantised
/// transposed and seen the other way round.
pub(crate) fn quantize_as<const D: usize>(weight: Tensor<D>, mut scheme: QuantScheme) -> Tensor<D> {
    if scheme.store != PACKED {
        return weight.quantize_dynamic(&scheme);
    }
    scheme.swap_block_dims(D, 0, 1);
    let innermost = scheme.with_store(QuantStore::PackedU32(0));
    weight.swap_dims(0, 1).quantize_dynamic(&innermost).swap_dims(0, 1)
}

/// Along the last axis but one: the inputs of a weight `[d_in, d_out]`.
pub(crate) const PACKED: QuantStore = QuantStore::PackedU32(1);

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
