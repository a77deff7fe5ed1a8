use std::collections::BTreeMap;

use burn::module::Param;
use burn::optim::{ModuleOptimizer, OptimizerRecord};
use burn::tensor::{Bytes, DType, Tensor, TensorData};
use burn_pack::{Reader, Writer};
use ia3_core::{ParamMapper, ParamPath, map_params};
use ia3_models::Model;

use super::optimizer_entry::OptimizerEntry;
use super::{PARAMETER, Parameters, TrainState, problem, reader, trained};
use crate::error::CheckpointError;

/// The model and the optimiser with the values of `state`. `fresh` is an optimiser without state.
pub(crate) fn restore(
    state: &TrainState,
    model: &Model,
    fresh: ModuleOptimizer,
) -> Result<(Model, ModuleOptimizer), CheckpointError> {
    let trained = trained(model);
    let (values, record) = split(reader(Bytes::from_bytes_vec(state.values.clone()))?, &trained, state.step)?;
    check_fit(&trained, &values)?;
    let record = OptimizerRecord::from_bytes(record.into_bytes().map_err(problem)?).map_err(problem)?;
    let (tensors, optimizer) = (record.len(), fresh.load_record(record));
    // burn ignores entries that it cannot read.
    if optimizer.to_record().len() != tensors {
        return Err(problem("it was written with another optimiser"));
    }
    let model = map_params(model.clone(), &mut Replace { values });
    Ok((model, optimizer))
}

/// The values of the parameters by path, and the record of the optimiser after `steps` steps.
fn split(
    state: Reader,
    trained: &Parameters,
    steps: usize,
) -> Result<(BTreeMap<String, TensorData>, Writer), CheckpointError> {
    let scalars = state.scalars().clone();
    let (mut values, mut record) = (BTreeMap::new(), vec![]);
    for tensor in state.into_tensors().map_err(problem)? {
        let (name, dtype, shape, _, bytes) = tensor.into_parts().map_err(problem)?;
        match name.strip_prefix(PARAMETER) {
            Some(path) => {
                values.insert(path.to_string(), TensorData::from_bytes(bytes, shape, dtype));
            }
            None => {
                let entry = OptimizerEntry::new(&name, trained)?;
                entry.check_tensor(&shape, dtype)?;
                record.push(burn_pack::Tensor::new(entry.record_name(), dtype, shape, Some(entry.id), bytes));
            }
        }
    }
    let mut record = Writer::new(record);
    for (name, value) in scalars {
        let entry = OptimizerEntry::new(&name, trained)?;
        entry.check_scalar(value, steps)?;
        record = record.with_scalar(&entry.record_name(), value);
    }
    Ok((values, record))
}

/// Refuses values whose paths, shapes or types are not those of the trained parameters.
fn check_fit(trained: &Parameters, values: &BTreeMap<String, TensorData>) -> Result<(), CheckpointError> {
    if let Some(path) = values.keys().find(|path| !trained.contains_key(*path)) {
        return Err(problem(format!("it holds `{path}`, which is not trained here")));
    }
    for (path, (_, now)) in trained {
        let Some(then) = values.get(path) else { return Err(problem(format!("it lacks `{path}`"))) };
        let facts = |data: &TensorData| -> (Vec<usize>, DType) { (data.shape().to_vec(), data.dtype()) };
        if facts(then) != facts(now) {
            let (found, expected) = (facts(then), facts(now));
            return Err(problem(format!("`{path}` is {found:?} in the state, expected {expected:?}")));
        }
    }
    Ok(())
}

struct Replace {
    values: BTreeMap<String, TensorData>,
}

impl ParamMapper for Replace {
    fn map_float<const D: usize>(&mut self, path: &ParamPath, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(data) = self.values.remove(&path.field_path()) else { return param };
        let dtype = data.dtype();
        param.map(|now| Tensor::from_data(data, (&now.device(), dtype)).detach().require_grad())
    }
}
