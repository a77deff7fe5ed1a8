use std::collections::BTreeMap;

use burn::optim::ModuleOptimizer;
use burn::tensor::TensorData;
use burn_pack::{Tensor, Writer};
use ia3_models::Model;

use super::{OPTIMIZER, PARAMETER, Parameters, TrainState, problem, reader, trained};
use crate::error::CheckpointError;

/// The state of a training after `step` steps.
pub(crate) fn save(
    step: usize,
    model: &Model,
    optimizer: &ModuleOptimizer,
) -> Result<TrainState, CheckpointError> {
    let trained = trained(model);
    let paths = Paths::of(&trained);
    let record = reader(optimizer.to_record().into_bytes().map_err(problem)?)?;
    let scalars = record.scalars().clone();
    let mut tensors = parameters(&trained);
    for tensor in record.into_tensors().map_err(problem)? {
        let (name, dtype, shape, _, bytes) = tensor.into_parts().map_err(problem)?;
        let name = paths.rename(&name)?;
        tensors.push((name.clone(), Tensor::new(name, dtype, shape, None, bytes)));
    }
    // The record is in the order of a hash map. Sorted, the same state gives the same bytes.
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let mut writer = Writer::new(tensors.into_iter().map(|(_, tensor)| tensor).collect());
    for (name, value) in scalars {
        writer = writer.with_scalar(&paths.rename(&name)?, value);
    }
    Ok(TrainState { step, values: writer.into_bytes().map_err(problem)?.to_vec() })
}

/// The values of parameters, with their names.
fn parameters(trained: &Parameters) -> Vec<(String, Tensor)> {
    let tensor = |(path, (_, data)): (&String, &(_, TensorData))| {
        let (name, (bytes, shape, dtype)) = (format!("{PARAMETER}{path}"), data.clone().into_parts());
        (name.clone(), Tensor::new(name, dtype, shape, None, bytes))
    };
    trained.iter().map(tensor).collect()
}

/// The paths of parameters by id.
struct Paths<'a>(BTreeMap<String, &'a String>);

impl<'a> Paths<'a> {
    fn of(trained: &'a Parameters) -> Self {
        Self(trained.iter().map(|(path, (id, _))| (id.val().to_string(), path)).collect())
    }

    /// The name `ID.FIELD` of a record as `optimizer/PATH|FIELD`.
    fn rename(&self, name: &str) -> Result<String, CheckpointError> {
        let (id, field) = name.split_once('.').unwrap_or((name, ""));
        let unknown = || problem(format!("`{name}` does not belong to a trained parameter"));
        let path = self.0.get(id).ok_or_else(unknown)?;
        Ok(format!("{OPTIMIZER}{path}|{field}"))
    }
}
