//! Checks that adapters fit a base.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::Module;
use ia3_config::{ModelInfo, ModuleInfo, nearest_name};

use crate::adapter::Adapter;
use crate::error::AdapterError;
use crate::param_ref::ParamKind;
use crate::vector::Ia3Vector;
use crate::visit_params::visit_params;

/// Checks that no two of the adapters hold the same vector.
pub(crate) fn check_distinct(adapters: &[&Adapter]) -> Result<(), AdapterError> {
    let mut seen = BTreeSet::new();
    for (path, vector) in adapters.iter().flat_map(|a| &a.vectors) {
        if !seen.insert(vector.l.id) {
            return Err(AdapterError::SharedVector { path: path.clone() });
        }
    }
    Ok(())
}

/// Checks that the base carries no attached state.
pub(crate) fn check_pristine<M: Module>(base: &M) -> Result<(), AdapterError> {
    let mut adapted = None;
    visit_params(base, |path, _| adapted = adapted.take().or_else(|| path.reparameterized()));
    adapted.map_or(Ok(()), |weight| {
        let path = weight.strip_suffix(".weight").unwrap_or(&weight).to_string();
        Err(AdapterError::AlreadyAttached { path })
    })
}

/// Checks that every vector of `adapter` has a layer of its size, and every saved parameter a parameter of its shape.
pub(crate) fn check_fit<M: Module>(
    adapter: &Adapter,
    base: &M,
    info: &ModelInfo,
) -> Result<(), AdapterError> {
    check_vectors(adapter, info)?;
    check_shapes(adapter, &shapes(base))
}

/// Checks that every saved parameter of `adapter` is one of those with these shapes.
pub(crate) fn check_shapes(
    adapter: &Adapter,
    shapes: &BTreeMap<String, Vec<usize>>,
) -> Result<(), AdapterError> {
    for (path, data) in &adapter.saved {
        let found = data.shape().to_vec();
        let expected = shapes.get(path).cloned();
        if expected.as_ref() != Some(&found) {
            return Err(AdapterError::SavedParameter { path: path.clone(), expected, found });
        }
    }
    Ok(())
}

/// Whether the saved parameter at `path` belongs to a linear layer that the adapter replaces as a whole, which can differ between the
/// entries of a batch.
pub(crate) fn replaces_linear(adapter: &Adapter, path: &str, info: &ModelInfo) -> bool {
    path.rsplit_once('.').is_some_and(|(module, leaf)| {
        let linear = info.module(module).is_some_and(|m| m.kind.is_adaptable() && m.kind.weight_rank() == 2);
        let whole = adapter.saved.contains_key(&format!("{module}.weight"));
        linear && whole && ["weight", "bias"].contains(&leaf)
    })
}

/// Checks that every vector of `adapter` has a layer of its size.
pub(crate) fn check_vectors(adapter: &Adapter, info: &ModelInfo) -> Result<(), AdapterError> {
    let modules: BTreeMap<&str, &ModuleInfo> = info.modules.iter().map(|m| (m.path.as_str(), m)).collect();
    for (path, vector) in &adapter.vectors {
        let module = modules.get(path.as_str()).ok_or_else(|| no_such_module(path, info))?;
        check_vector(vector, module)?;
    }
    Ok(())
}

fn check_vector(vector: &Ia3Vector, module: &ModuleInfo) -> Result<(), AdapterError> {
    let (kind, placement, path) = (&module.kind, vector.placement, module.path.clone());
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
    let nearest = nearest_name(path, adaptable.map(|m| m.path.as_str())).map(str::to_string);
    AdapterError::NoSuchModule { path: path.into(), nearest }
}

/// The shapes of all parameters of floats, by path.
pub(crate) fn shapes<M: Module>(base: &M) -> BTreeMap<String, Vec<usize>> {
    let mut shapes = BTreeMap::new();
    visit_params(base, |path, param| {
        if param.kind() == ParamKind::Float {
            shapes.insert(path.to_string(), param.shape().to_vec());
        }
    });
    shapes
}
