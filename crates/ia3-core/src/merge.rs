use std::collections::BTreeMap;

use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use ia3_config::Placement;

use crate::adapter::Adapter;
use crate::attach::{check_fit, check_pristine, saved, scales};
use crate::error::Ia3Error;
use crate::model_info::model_info;
use crate::path::{MapBase, ParameterPath, map_base};
use crate::scale::{Ia3Scale, scale_last, scale_weight};

/// The base with the adapters folded into its weights: no vector left, no cost at inference.
///
/// `W'[i, o] = l_in[i]·W[i, o]·l_out[o]` and `b'[o] = b[o]·l_out[o]`, computed in float32 and cast to the
/// weight's dtype (PEFT's `merge`, `tuners/ia3/layer.py`). `base` is untouched, so unmerging is to
/// use it again: exact, zeros and bf16 included.
///
/// # Errors
///
/// As [`attach`](crate::attach).
pub fn merge<M: Module>(base: &M, adapters: &[&Adapter]) -> Result<M, Ia3Error> {
    merge_with(base, adapters, false)
}

/// As [`merge`], refusing merged weights that are NaN or infinite (PEFT's `safe_merge`).
///
/// # Errors
///
/// As [`merge`], and [`Ia3Error::NotFinite`] with the first layer concerned.
pub fn merge_safe<M: Module>(base: &M, adapters: &[&Adapter]) -> Result<M, Ia3Error> {
    merge_with(base, adapters, true)
}

fn merge_with<M: Module>(base: &M, adapters: &[&Adapter], safe: bool) -> Result<M, Ia3Error> {
    check_pristine(base)?;
    let info = model_info(base, None, None);
    adapters.iter().try_for_each(|a| check_fit(a, base, &info))?;
    let mut broken = None;
    let merger =
        Merger { scales: scales(adapters), saved: saved(adapters), broken: safe.then_some(&mut broken) };
    let merged = map_base(base.clone(), merger);
    broken.map_or(Ok(merged), Err)
}

struct Merger<'a> {
    scales: BTreeMap<String, Ia3Scale>,
    saved: BTreeMap<String, TensorData>,
    /// Where to note the first merged weight that is not finite, if anybody asks.
    broken: Option<&'a mut Option<Ia3Error>>,
}

impl MapBase for Merger<'_> {
    fn map<const D: usize>(&mut self, path: &ParameterPath, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let param = self.replaced(path, param);
        let (module, leaf) = path.split();
        let Some(scale) = self.scales.get(&module) else { return param };
        let output = scale.product(Placement::Output);
        let merged = match leaf {
            "weight" => {
                let input = scale.product(Placement::Input);
                param.map(|w| scale_weight(w, input, output))
            }
            "bias" => param.map(|b| scale_last(b, output)),
            _ => param,
        };
        self.check(module, &merged);
        merged
    }
}

impl Merger<'_> {
    /// The parameter, or an adapter's own copy of it.
    fn replaced<const D: usize>(&self, path: &ParameterPath, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(data) = self.saved.get(&path.parameter()) else { return param };
        let options = (&param.lazy_device(), data.dtype());
        let value = Tensor::from_data(data.clone(), options);
        param.map(|_| value)
    }

    fn check<const D: usize>(&mut self, path: String, merged: &Param<Tensor<D>>) {
        let Some(broken) = &mut self.broken else { return };
        let finite = merged.val().is_finite().int().sum().into_scalar::<i64>() as usize;
        let count = merged.lazy_shape().num_elements() - finite;
        if count > 0 {
            broken.get_or_insert(Ia3Error::NotFinite { path, count });
        }
    }
}
