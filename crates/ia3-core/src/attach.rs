use std::collections::{BTreeMap, BTreeSet};

use burn::module::{Module, Param, Reparameterizer};
use burn::tensor::{DType, Tensor, TensorData};
use ia3_config::{ModelInfo, ModuleInfo, Placement};

use crate::adapter::Adapter;
use crate::error::AdapterError;
use crate::model_info::model_info;
use crate::param_path::from_field_path;
use crate::param_ref::ParamKind;
use crate::scale::{Ia3Scale, Ia3Vector};
use crate::visit_params::visit_params;

/// A module whose forward calls `ia3_forward` on every layer that can be a target: that of
/// [`Ia3Forward`](crate::Ia3Forward) on linear layers, of [`Ia3ConvForward`](crate::Ia3ConvForward) on convolutions.
///
/// Implementing it is the promise that makes [`attach`] exact everywhere: with a bias, with several
/// adapters, on a packed base. One line for a model of your own:
///
/// ```
/// # #[derive(burn::module::Module, Debug)] struct MyModel { wo: burn::nn::Linear }
/// impl ia3_core::ActivationSpace for MyModel {}
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not promise to call `ia3_forward` on its layers",
    note = "use `attach_to_weights` for a module you did not write, or call `ia3_forward` in your forward and `impl ActivationSpace for {Self} {{}}`"
)]
pub trait ActivationSpace: Module {
    /// What planning needs to know of the model. A model that knows its `model_type`, its output embedding or its
    /// fused projections says so here; the default says what can be seen.
    fn info(&self) -> ModelInfo {
        model_info(self, None, None)
    }
}

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

/// The state each layer gets: every adapter's vector for it, in order.
pub(crate) fn scales(adapters: &[&Adapter]) -> BTreeMap<String, Ia3Scale> {
    let mut scales = BTreeMap::<String, Ia3Scale>::new();
    for (path, vector) in adapters.iter().flat_map(|a| &a.vectors) {
        let scale = scales.entry(path.clone()).or_insert_with(|| Ia3Scale { vectors: vec![] });
        scale.vectors.push(vector.clone());
    }
    scales
}

/// The replaced parameters; where several adapters bring one, the last counts.
pub(crate) fn saved(adapters: &[&Adapter]) -> BTreeMap<String, TensorData> {
    let all = adapters.iter().flat_map(|a| &a.saved);
    all.map(|(path, data)| (path.clone(), data.clone())).collect()
}

/// An adapter's own copy of a parameter, in the dtype that a float base has, as in PEFT: modules have one dtype.
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

pub(crate) fn check_distinct(adapters: &[&Adapter]) -> Result<(), AdapterError> {
    let mut seen = BTreeSet::new();
    for (path, vector) in adapters.iter().flat_map(|a| &a.vectors) {
        if !seen.insert(vector.l.id) {
            return Err(AdapterError::SharedVector { path: path.clone() });
        }
    }
    Ok(())
}

pub(crate) fn check_pristine<M: Module>(base: &M) -> Result<(), AdapterError> {
    let mut adapted = None;
    visit_params(base, |path, _| adapted = adapted.take().or_else(|| path.reparameterized()));
    adapted.map_or(Ok(()), |weight| {
        let path = weight.strip_suffix(".weight").unwrap_or(&weight).to_string();
        Err(AdapterError::AlreadyAttached { path })
    })
}

/// Every vector of `adapter` has a layer of the right size, every saved parameter one of the right shape.
pub(crate) fn check_fit<M: Module>(
    adapter: &Adapter,
    base: &M,
    info: &ModelInfo,
) -> Result<(), AdapterError> {
    adapter.vectors.iter().try_for_each(|(path, v)| check_vector(path, v, info))?;
    let shapes = shapes(base);
    for (path, data) in &adapter.saved {
        let found = data.shape().to_vec();
        let expected = shapes.get(path).cloned();
        if expected.as_ref() != Some(&found) {
            return Err(AdapterError::SavedParameter { path: path.clone(), expected, found });
        }
    }
    Ok(())
}

fn check_vector(path: &str, vector: &Ia3Vector, info: &ModelInfo) -> Result<(), AdapterError> {
    let Some(module) = info.module(path) else {
        return Err(no_such_module(path, info));
    };
    let (kind, placement, path) = (&module.kind, vector.placement, path.to_string());
    if !kind.is_adaptable() {
        return Err(AdapterError::NotAdaptable { path, kind: kind.to_string() });
    }
    let Some(expected) = kind.vector_len(placement) else {
        return Err(AdapterError::UnknownChannels { path, kind: kind.to_string() });
    };
    if vector.len() != expected {
        return Err(AdapterError::Length { path, placement, expected, found: vector.len() });
    }
    let (expected, found) = (kind.weight_rank(), vector.weight_rank());
    if found == expected { Ok(()) } else { Err(AdapterError::WeightRank { path, expected, found }) }
}

fn no_such_module(path: &str, info: &ModelInfo) -> AdapterError {
    let adaptable = info.modules.iter().filter(|m| m.kind.is_adaptable());
    let similarity = |m: &&ModuleInfo| (strsim::jaro(path, &m.path) * 1e6) as u64;
    let nearest = adaptable.max_by_key(similarity).map(|m| m.path.clone());
    AdapterError::NoSuchModule { path: path.into(), nearest }
}

fn shapes<M: Module>(base: &M) -> BTreeMap<String, Vec<usize>> {
    let mut shapes = BTreeMap::new();
    visit_params(base, |path, param| {
        if param.kind() == ParamKind::Float {
            shapes.insert(path.to_string(), param.shape().to_vec());
        }
    });
    shapes
}
