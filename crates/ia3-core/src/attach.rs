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
use crate::untie::untied;

/// Attaches the vectors of `adapters` to a copy of `base` whose other parameters are frozen. The result shares the weights of
/// `base`, and `base` does not change.
///
/// A head that is the embedding ([`Tied`](crate::Tied)) gets a weight of its own if an adapter replaces one of the two, as in
/// PEFT.
///
/// The vectors of several adapters are multiplied with each other. Only the vectors and `modules_to_save` require gradients.
/// Call [`train`](Module::train) on the result to turn autodiff on.
///
/// # Errors
///
/// - [`AdapterError::NoSuchModule`], [`AdapterError::NotAdaptable`], [`AdapterError::Length`],
///   [`AdapterError::WeightRank`], [`AdapterError::UnknownChannels`], [`AdapterError::SavedParameter`]: an adapter does not
///   fit the base.
/// - [`AdapterError::AlreadyAttached`]: the base already carries vectors.
/// - [`AdapterError::SharedVector`]: `adapters` holds the same adapter twice.
pub fn attach<M: ActivationSpace>(base: &M, adapters: &[&Adapter]) -> Result<M, AdapterError> {
    let base = untied_for(base, adapters);
    attach_checked(&base, adapters, &model_info(&base, None, None), base.float32_states())
}

/// Attaches adapters as [`attach`] does, but to any burn module: its layers read the scaled weight through [`Param::val`].
///
/// # Errors
///
/// - The errors of [`attach`].
/// - [`AdapterError::BiasInWeightSpace`]: an output vector scales a layer with a bias. PEFT scales the bias too, which an
///   unmodified layer cannot do: the bias is another parameter, and if two parameters shared a vector, an optimiser would
///   update only one of them. [`merge`](crate::merge) is exact for such a layer.
pub fn attach_to_weights<M: Module>(base: &M, adapters: &[&Adapter]) -> Result<M, AdapterError> {
    let base = &untied_for(base, adapters);
    let info = model_info(base, None, None);
    for (path, vector) in adapters.iter().flat_map(|a| &a.vectors) {
        if vector.placement == Placement::Output && has_bias(&info, path) {
            return Err(AdapterError::BiasInWeightSpace { path: path.clone() });
        }
    }
    attach_checked(base, adapters, &info, false)
}

fn attach_checked<M: Module>(
    base: &M,
    adapters: &[&Adapter],
    info: &ModelInfo,
    float32: bool,
) -> Result<M, AdapterError> {
    check_pristine(base)?;
    check_distinct(adapters)?;
    adapters.iter().try_for_each(|a| check_fit(a, base, info))?;
    let attacher = Attacher { scales: scales(adapters), saved: saved(adapters), float32 };
    Ok(base.clone().apply_reparameterization(attacher))
}

/// `base`, whose tied layers have weights of their own where a module to save of an adapter replaces them or the embedding.
///
/// A parameter that an adapter has outside of its `modules_to_save` replaces the one of the base, also for the layers that
/// are tied to it.
pub(crate) fn untied_for<M: Module>(base: &M, adapters: &[&Adapter]) -> M {
    let modules: Vec<_> = adapters.iter().map(|adapter| (*adapter, adapter.config.saved_modules())).collect();
    untied(base, |parameter| {
        modules
            .iter()
            .any(|(adapter, modules)| adapter.saved.contains_key(parameter) && modules.hold(parameter))
    })
}

/// The state of each layer, by module path. It holds the vectors of all adapters for the layer, in the order of the adapters.
pub(crate) fn scales(adapters: &[&Adapter]) -> BTreeMap<String, Ia3Scale> {
    let mut scales = BTreeMap::<String, Ia3Scale>::new();
    for (path, vector) in adapters.iter().flat_map(|a| &a.vectors) {
        let scale = scales.entry(path.clone()).or_insert_with(|| Ia3Scale::new(vec![]));
        scale.vectors.push(vector.clone());
    }
    scales
}

/// The replaced parameters, by parameter path. If several adapters replace one parameter, the last adapter is used.
pub(crate) fn saved(adapters: &[&Adapter]) -> BTreeMap<String, TensorData> {
    let all = adapters.iter().flat_map(|a| &a.saved);
    all.map(|(path, data)| (path.clone(), data.clone())).collect()
}

/// An adapter's copy of a parameter, cast to the dtype of a float base. PEFT does the same, because a module has one dtype. With
/// `float32`, a copy that would be in half precision is float32.
pub(crate) fn replacement<const D: usize>(
    data: TensorData,
    param: &Param<Tensor<D>>,
    float32: bool,
) -> Tensor<D> {
    let stored = param.is_initialized().then(|| param.base().dtype());
    let float = stored.filter(|dtype| !matches!(dtype, DType::QFloat(_)));
    let dtype = match float.unwrap_or(data.dtype()) {
        DType::F16 | DType::BF16 if float32 => DType::F32,
        dtype => dtype,
    };
    Tensor::from_data(data.convert_dtype(dtype), (&param.lazy_device(), dtype))
}

struct Attacher {
    scales: BTreeMap<String, Ia3Scale>,
    saved: BTreeMap<String, TensorData>,
    /// Whether copies in half precision become float32.
    float32: bool,
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
            return (Param::from_tensor(replacement(data, &param, self.float32)), scale);
        }
        (param.set_require_grad(false), scale)
    }
}

fn has_bias(info: &ModelInfo, path: &str) -> bool {
    info.module(path).is_some_and(|m| m.kind.has_bias())
}
