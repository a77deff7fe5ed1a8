use std::collections::BTreeMap;

use burn::module::{Module, Param, Reparameterizer};
use burn::tensor::{DType, Tensor, TensorData};
use ia3_config::{ModelInfo, Placement};

use crate::activation_space::ActivationSpace;
use crate::adapter::Adapter;
use crate::check::{check_distinct, check_fit, check_pristine};
use crate::error::AdapterError;
use crate::model_info::model_info;
use crate::param_path::from_field_path;
use crate::scale::Ia3Scale;

/// The model with the vectors of `adapters` attached and the base frozen; `base` shares its weights and stays pristine.
///
/// Several adapters multiply. Only the vectors (and `modules_to_save`) require gradients; call
/// [`train`](Module::train) on the result to turn autodiff on.
///
/// # Errors
///
/// An adapter that does not fit the base ([`AdapterError::NoSuchModule`], [`AdapterError::NotAdaptable`],
/// [`AdapterError::Length`], [`AdapterError::WeightRank`], [`AdapterError::UnknownChannels`],
/// [`AdapterError::SavedParameter`]), a base that already carries vectors ([`AdapterError::AlreadyAttached`]), or the same
/// adapter twice ([`AdapterError::SharedVector`]).
pub fn attach<M: ActivationSpace>(base: &M, adapters: &[&Adapter]) -> Result<M, AdapterError> {
    attach_checked(base, adapters, &model_info(base, None, None))
}

/// As [`attach`], for unmodified burn modules: their layers read the scaled weight through [`Param::val`].
///
/// # Errors
///
/// As [`attach`], and [`AdapterError::BiasInWeightSpace`] for an output vector on a layer with a bias, which
/// PEFT scales too and an unmodified layer cannot: the bias is another parameter, and of two parameters that share
/// a vector an optimiser updates one. [`merge`](crate::merge) is exact there.
pub fn attach_to_weights<M: Module>(base: &M, adapters: &[&Adapter]) -> Result<M, AdapterError> {
    let info = model_info(base, None, None);
    for (path, vector) in adapters.iter().flat_map(|a| &a.vectors) {
        if vector.placement == Placement::Output && has_bias(&info, path) {
            return Err(AdapterError::BiasInWeightSpace { path: path.clone() });
        }
    }
    attach_checked(base, adapters, &info)
}

fn attach_checked<M: Module>(base: &M, adapters: &[&Adapter], info: &ModelInfo) -> Result<M, AdapterError> {
    check_pristine(base)?;
    check_distinct(adapters)?;
    adapters.iter().try_for_each(|a| check_fit(a, base, info))?;
    let attacher = Attacher { scales: scales(adapters), saved: saved(adapters) };
    Ok(base.clone().apply_reparameterization(attacher))
}

/// The state of each layer: the vectors of all adapters for it, in the order of the adapters.
pub(crate) fn scales(adapters: &[&Adapter]) -> BTreeMap<String, Ia3Scale> {
    let mut scales = BTreeMap::<String, Ia3Scale>::new();
    for (path, vector) in adapters.iter().flat_map(|a| &a.vectors) {
        let scale = scales.entry(path.clone()).or_insert_with(|| Ia3Scale::new(vec![]));
        scale.vectors.push(vector.clone());
    }
    scales
}

/// The replaced parameters; where several adapters replace one, the last adapter counts.
pub(crate) fn saved(adapters: &[&Adapter]) -> BTreeMap<String, TensorData> {
    let all = adapters.iter().flat_map(|a| &a.saved);
    all.map(|(path, data)| (path.clone(), data.clone())).collect()
}

/// An adapter's copy of a parameter, in the dtype of a float base. PEFT does the same: a module has one dtype.
pub(crate) fn replacement<const D: usize>(data: TensorData, param: &Param<Tensor<D>>) -> Tensor<D> {
    let stored = param.is_initialized().then(|| param.base().dtype());
    let float = stored.filter(|dtype| !matches!(dtype, DType::QFloat(_)));
    let dtype = float.unwrap_or(data.dtype());
    Tensor::from_data(data.convert_dtype(dtype), (&param.lazy_device(), dtype))
}

struct Attacher {
    scales: BTreeMap<String, Ia3Scale>,
    saved: BTreeMap<String, TensorData>,
}

impl Reparameterizer for Attacher {
    type Reparam = Ia3Scale;

    fn reparameterize<const D: usize>(
        &mut self,
        path: &str,
        param: Param<Tensor<D>>,
    ) -> (Param<Tensor<D>>, Option<Ia3Scale>) {
        let path = from_field_path(path);
        let scale = path.strip_suffix(".weight").and_then(|module| self.scales.remove(module));
        if let Some(data) = self.saved.remove(&path) {
            return (Param::from_tensor(replacement(data, &param)), scale);
        }
        (param.set_require_grad(false), scale)
    }
}

fn has_bias(info: &ModelInfo, path: &str) -> bool {
    info.module(path).is_some_and(|m| m.kind.has_bias())
}
