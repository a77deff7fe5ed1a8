use std::collections::BTreeMap;

use burn::module::{Module, Param, ParamId};
use burn::tensor::{Tensor, TensorData};

use crate::adapter::Adapter;
use crate::error::AdapterError;
use crate::param_path::ParamPath;
use crate::visit_params::{ParamVisitor, visit_params_with};

impl Adapter {
    /// Reads the vectors and `modules_to_save` of this adapter back from a model that it was attached to.
    ///
    /// # Errors
    ///
    /// [`AdapterError::NotAttached`] if the model does not carry one of the vectors.
    pub fn extract<M: Module>(&self, model: &M) -> Result<Self, AdapterError> {
        let mut found = Parameters {
            saved: self.saved.keys().cloned().collect(),
            copies: self.saved.paths_by_id(),
            ..Default::default()
        };
        visit_params_with(model, &mut found);
        let mut extracted = self.clone();
        for (path, vector) in &mut extracted.vectors {
            let l = found.vectors.remove(&vector.l.id);
            vector.l = l.ok_or_else(|| AdapterError::NotAttached { path: path.clone() })?;
        }
        extracted.saved.extend(found.values);
        extracted.saved.extend(found.copied);
        Ok(extracted)
    }
}

/// The vectors of a model by identity, and the parameters of `modules_to_save` by path.
#[derive(Default)]
struct Parameters {
    saved: Vec<String>,
    /// The copies of `modules_to_save` of a mixed batch: the path of each copy by its identity.
    copies: BTreeMap<ParamId, String>,
    copied: BTreeMap<String, TensorData>,
    vectors: BTreeMap<ParamId, Param<Tensor<1>>>,
    values: BTreeMap<String, TensorData>,
}

impl ParamVisitor for Parameters {
    fn visit_float<const D: usize>(&mut self, path: &ParamPath, param: &Param<Tensor<D>>) {
        if let Some(path) = self.copies.get(&param.id) {
            self.copied.insert(path.clone(), param.val().into_data());
        } else if path.inside_reparameterization() {
            let values = param.val().detach().without_autodiff();
            let len = values.shape().num_elements();
            let l = Param::initialized(param.id, values.reshape([len]));
            self.vectors.insert(param.id, l.set_require_grad(true));
        } else if self.saved.contains(&path.to_string()) {
            self.values.insert(path.to_string(), param.base().into_data());
        }
    }
}
