use std::collections::BTreeSet;

use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::tensor::Tensor;

use crate::adapter::Adapter;
use crate::path::ParameterPath;
use crate::rows::copy_ids;

/// The model with the vectors and the replaced parameters of `adapters` frozen: no gradient, no update, also after
/// [`train`](Module::train). The adapters have to be attached to it; others on it stay as they are.
pub fn freeze<M: Module>(model: M, adapters: &[&Adapter]) -> M {
    let vectors = adapters.iter().flat_map(|a| a.vectors.values()).map(|v| v.l.id);
    let copies = adapters.iter().flat_map(|a| copy_ids(a).into_keys());
    let inside = vectors.chain(copies).collect();
    let saved = adapters.iter().flat_map(|a| a.saved.keys()).cloned().collect();
    model.map(&mut Freezer { inside, saved, path: ParameterPath::default() })
}

struct Freezer {
    /// Vectors, and copies of parameters for rows of their own.
    inside: BTreeSet<ParamId>,
    saved: BTreeSet<String>,
    path: ParameterPath,
}

impl ModuleMapper for Freezer {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let frozen = match self.path.inside_reparameterization() {
            true => self.inside.contains(&param.id),
            false => self.saved.contains(&self.path.parameter()),
        };
        if frozen { param.set_require_grad(false) } else { param }
    }
}
