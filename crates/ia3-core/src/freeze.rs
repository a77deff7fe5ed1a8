use std::collections::BTreeSet;

use burn::module::{Module, Param, ParamId};
use burn::tensor::Tensor;

use crate::adapter::Adapter;
use crate::param_path::ParamPath;
use crate::visit_params::{ParamMapper, map_params};

/// Freezes the vectors and the replaced parameters of `adapters`: they get no gradient and no update, even after
/// [`train`](Module::train). The adapters must be attached to the model. Other adapters on the model do not change.
pub fn freeze<M: Module>(model: M, adapters: &[&Adapter]) -> M {
    let vectors = adapters.iter().flat_map(|a| a.vectors.values()).map(|v| v.l.id);
    let copies = adapters.iter().flat_map(|a| a.saved.paths_by_id().into_keys());
    let inside = vectors.chain(copies).collect();
    let saved = adapters.iter().flat_map(|a| a.saved.keys()).cloned().collect();
    map_params(model, &mut Freezer { inside, saved })
}

struct Freezer {
    /// The vectors, and the copies of parameters in a mixed batch.
    inside: BTreeSet<ParamId>,
    saved: BTreeSet<String>,
}

impl ParamMapper for Freezer {
    fn map_float<const D: usize>(&mut self, path: &ParamPath, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let frozen = match path.inside_reparameterization() {
            true => self.inside.contains(&param.id),
            false => self.saved.contains(&path.to_string()),
        };
        if frozen { param.set_require_grad(false) } else { param }
    }
}
