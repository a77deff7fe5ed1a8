use std::collections::BTreeMap;

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use ia3_config::Placement;

use crate::adapter::Adapter;
use crate::attach::{replacement, saved, scales, untied_for};
use crate::broadcast::scale_last;
use crate::check::{check_fit, check_pristine};
use crate::error::AdapterError;
use crate::model_info::model_info;
use crate::param_path::ParamPath;
use crate::quant::{fold, is_quantized, requantize};
use crate::scale::{Ia3Scale, scale_weight};
use crate::visit_params::{ParamMapper, map_params};

/// Multiplies the vectors of the adapters into a copy of the weights of the base. The result carries no vectors, and its
/// inference costs as much as that of the base.
///
/// The formulas are `W'[i, o] = l_in[i]·W[i, o]·l_out[o]` and `b'[o] = b[o]·l_out[o]`, computed in float32 and cast to the
/// dtype of the weight (PEFT's `merge` in `tuners/ia3/layer.py`). On a quantised weight ([`quantize`](crate::quantize)), an
/// output vector is multiplied into the scales, and an input vector of 1, −1 and 0 into the integers, which is exact; PEFT
/// refuses this case, and [`move_inputs`](crate::move_inputs) moves other input vectors to where they can be merged so. `base`
/// does not change, so to unmerge, use `base` again. This is exact, even for vectors that hold zeros and for weights in bf16.
///
/// A head that is the embedding ([`Tied`](crate::Tied)) gets a weight of its own if an adapter replaces one of the two, as in
/// PEFT.
///
/// # Errors
///
/// - The errors of [`attach`](crate::attach).
/// - [`InputVector`](crate::QuantizationError::InputVector), [`SharedScales`](crate::QuantizationError::SharedScales),
///   [`SharedMinima`](crate::QuantizationError::SharedMinima), [`NoOpposite`](crate::QuantizationError::NoOpposite): a vector
///   cannot be merged exactly into a quantised weight.
pub fn merge<M: Module>(base: &M, adapters: &[&Adapter]) -> Result<M, AdapterError> {
    merge_with(base, adapters, Merging::Exact { safe: false }).map(|merged| merged.model)
}

/// Merges as [`merge`] does, and refuses merged weights that are NaN or infinite, as PEFT's `safe_merge` does.
///
/// # Errors
///
/// - The errors of [`merge`].
/// - [`AdapterError::NotFinite`]: a merged weight is NaN or infinite. The error names the first such layer.
pub fn merge_safe<M: Module>(base: &M, adapters: &[&Adapter]) -> Result<M, AdapterError> {
    merge_with(base, adapters, Merging::Exact { safe: true }).map(|merged| merged.model)
}

/// The result of [`merge_requantizing`].
#[derive(Clone, Debug)]
pub struct Requantized<M> {
    /// The merged model.
    pub model: M,
    /// The relative error `‖W − Wq‖ / ‖W‖` of each weight that was quantised again, by module path.
    pub errors: BTreeMap<String, f64>,
}

/// Merges as [`merge`] does, and also merges vectors that scale the inputs of quantised layers. It scales the weights of these
/// layers in float32, quantises them again and reports the resulting error. All other weights are merged exactly.
///
/// # Errors
///
/// The errors are those of [`attach`](crate::attach).
pub fn merge_requantizing<M: Module>(
    base: &M,
    adapters: &[&Adapter],
) -> Result<Requantized<M>, AdapterError> {
    merge_with(base, adapters, Merging::Requantizing)
}

/// What to do with layers into which the vectors cannot be merged exactly.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Merging {
    /// A layer that cannot be merged exactly is an error. With `safe`, a merged weight that is not finite is an error too.
    Exact { safe: bool },
    /// Layers that cannot be merged exactly are quantised again.
    Requantizing,
}

fn merge_with<M: Module>(
    base: &M,
    adapters: &[&Adapter],
    how: Merging,
) -> Result<Requantized<M>, AdapterError> {
    let base = &untied_for(base, adapters);
    check_pristine(base)?;
    let info = model_info(base, None, None);
    adapters.iter().try_for_each(|a| check_fit(a, base, &info))?;
    let (mut problem, mut errors) = (None, BTreeMap::new());
    let mut merger = Merger {
        scales: scales(adapters),
        saved: saved(adapters),
        how,
        problem: &mut problem,
        errors: &mut errors,
    };
    let model = map_params(base.clone(), &mut merger);
    problem.map_or(Ok(Requantized { model, errors }), Err)
}

struct Merger<'a> {
    scales: BTreeMap<String, Ia3Scale>,
    saved: BTreeMap<String, TensorData>,
    how: Merging,
    /// The error of the first layer that cannot be merged.
    problem: &'a mut Option<AdapterError>,
    /// The errors of the weights that were quantised again.
    errors: &'a mut BTreeMap<String, f64>,
}

impl ParamMapper for Merger<'_> {
    fn map_float<const D: usize>(&mut self, path: &ParamPath, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let param = self.replaced(path, param);
        let module = path.module();
        let Some(scale) = self.scales.get(&module) else { return param };
        let (input, output) = (scale.product(Placement::Input), scale.product(Placement::Output));
        let merged = match path.name() {
            "weight" if is_quantized(&param.base()) => {
                param.map(|w| self.quantized(&module, w, input, output))
            }
            "weight" => param.map(|w| scale_weight(w, input, output)),
            "bias" => param.map(|b| scale_last(b, output)),
            _ => param,
        };
        self.check(module, &merged);
        merged
    }
}

impl Merger<'_> {
    /// The adapter's copy of the parameter, or the parameter itself if no adapter replaces it.
    fn replaced<const D: usize>(&self, path: &ParamPath, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(data) = self.saved.get(&path.to_string()) else { return param };
        let value = replacement(data.clone(), &param, false);
        param.map(|_| value)
    }

    /// Scales a quantised weight. If this fails, the weight is returned unchanged and `problem` holds the error.
    fn quantized<const D: usize>(
        &mut self,
        path: &str,
        weight: Tensor<D>,
        input: Option<Tensor<1>>,
        output: Option<Tensor<1>>,
    ) -> Tensor<D> {
        if input.is_none() && output.is_none() {
            return weight;
        }
        match fold(path, weight.clone(), input.clone(), output.clone()) {
            Ok(folded) => folded,
            Err(_) if self.how == Merging::Requantizing => match requantize(weight.clone(), input, output) {
                Ok((again, error)) => {
                    self.errors.insert(path.into(), error);
                    again
                }
                Err(problem) => {
                    self.problem.get_or_insert(problem.into());
                    weight
                }
            },
            Err(problem) => {
                self.problem.get_or_insert(problem.into());
                weight
            }
        }
    }

    fn check<const D: usize>(&mut self, path: String, merged: &Param<Tensor<D>>) {
        if self.how != (Merging::Exact { safe: true }) {
            return;
        }
        let finite = ia3_ops::with_float_products(merged.val())
            .dequantize()
            .is_finite()
            .int()
            .sum()
            .into_scalar::<i64>() as usize;
        let count = merged.lazy_shape().num_elements() - finite;
        if count > 0 {
            self.problem.get_or_insert(AdapterError::NotFinite { path, count });
        }
    }
}
