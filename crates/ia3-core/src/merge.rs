use std::collections::BTreeMap;

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use ia3_config::Placement;

use crate::adapter::Adapter;
use crate::attach::{replacement, saved, scales};
use crate::broadcast::scale_last;
use crate::check::{check_fit, check_pristine};
use crate::error::AdapterError;
use crate::model_info::model_info;
use crate::param_path::ParamPath;
use crate::quant::{fold_output, is_quantized, requantize};
use crate::scale::{Ia3Scale, scale_weight};
use crate::visit_params::{ParamMapper, map_params};

/// The base with the vectors of the adapters multiplied into its weights. The result carries no vectors and costs as much as
/// the base at inference.
///
/// `W'[i, o] = l_in[i]·W[i, o]·l_out[o]` and `b'[o] = b[o]·l_out[o]`, computed in float32 and cast to the
/// weight's dtype (PEFT's `merge`, `tuners/ia3/layer.py`). A quantised weight ([`quantize`](crate::quantize)) takes an
/// output vector into its scales, which is exact; PEFT refuses that. `base` does not change, so to unmerge is to use `base`
/// again. That is exact, also for zeros and in bf16.
///
/// # Errors
///
/// As [`attach`](crate::attach); [`AdapterError::QuantizedInput`] and [`AdapterError::SharedScales`] for what a quantised weight
/// cannot take.
pub fn merge<M: Module>(base: &M, adapters: &[&Adapter]) -> Result<M, AdapterError> {
    merge_with(base, adapters, Merging::Exact { safe: false }).map(|merged| merged.model)
}

/// As [`merge`], refusing merged weights that are NaN or infinite (PEFT's `safe_merge`).
///
/// # Errors
///
/// As [`merge`], and [`AdapterError::NotFinite`] with the first layer concerned.
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

/// As [`merge`], also where vectors scale the inputs of quantised layers: these weights are scaled in float32 and quantised
/// again, and the resulting error is reported. All other weights merge exactly.
///
/// # Errors
///
/// As [`attach`](crate::attach).
pub fn merge_requantizing<M: Module>(
    base: &M,
    adapters: &[&Adapter],
) -> Result<Requantized<M>, AdapterError> {
    merge_with(base, adapters, Merging::Requantizing)
}

/// How to merge.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Merging {
    /// A layer that does not merge exactly is an error; with `safe`, so is one that is not finite.
    Exact { safe: bool },
    /// Layers that do not merge exactly are quantised again.
    Requantizing,
}

fn merge_with<M: Module>(
    base: &M,
    adapters: &[&Adapter],
    how: Merging,
) -> Result<Requantized<M>, AdapterError> {
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
    /// The error of the first layer that does not merge.
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
    /// The parameter, or an adapter's copy of it.
    fn replaced<const D: usize>(&self, path: &ParamPath, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(data) = self.saved.get(&path.to_string()) else { return param };
        let value = replacement(data.clone(), &param);
        param.map(|_| value)
    }

    /// A quantised weight, scaled. Where that fails, the weight as it was; `problem` then holds the error.
    fn quantized<const D: usize>(
        &mut self,
        path: &str,
        weight: Tensor<D>,
        input: Option<Tensor<1>>,
        output: Option<Tensor<1>>,
    ) -> Tensor<D> {
        let folded = match (input.is_some(), output.clone()) {
            (true, _) => Err(AdapterError::QuantizedInput { path: path.into() }),
            (false, None) => return weight,
            (false, Some(l)) => fold_output(path, weight.clone(), l),
        };
        match folded {
            Ok(folded) => folded,
            Err(_) if self.how == Merging::Requantizing => {
                let (again, error) = requantize(weight, input, output);
                self.errors.insert(path.into(), error);
                again
            }
            Err(problem) => {
                self.problem.get_or_insert(problem);
                weight
            }
        }
    }

    fn check<const D: usize>(&mut self, path: String, merged: &Param<Tensor<D>>) {
        if self.how != (Merging::Exact { safe: true }) {
            return;
        }
        let finite = merged.val().dequantize().is_finite().int().sum().into_scalar::<i64>() as usize;
        let count = merged.lazy_shape().num_elements() - finite;
        if count > 0 {
            self.problem.get_or_insert(AdapterError::NotFinite { path, count });
        }
    }
}
