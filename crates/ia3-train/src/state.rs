//! The state of a training as bytes: the trained values and those of the optimiser, by parameter path.
//!
//! burn's records of optimisers use parameter ids, which are drawn at random in every process. Paths stay the same.

use std::collections::BTreeMap;

use burn::module::{Param, ParamId};
use burn::optim::{ModuleOptimizer, OptimizerRecord};
use burn::tensor::{Bytes, DType, Tensor, TensorData};
use burn_pack::{Reader, Writer};
use ia3_core::{ParamMapper, ParamPath, map_params, visit_params};
use ia3_models::Model;

use crate::error::CheckpointError;

/// The state of a training after a step, from which [`Trainer::restore`](crate::Trainer::restore) continues.
#[derive(Clone, Debug)]
pub struct TrainState {
    /// The number of steps done.
    pub step: usize,
    /// The trained values (`parameter/PATH`) and those of the optimiser (`optimizer/PATH|FIELD`), in burn's format
    /// `burnpack`.
    pub values: Vec<u8>,
}

const PARAMETER: &str = "parameter/";
const OPTIMIZER: &str = "optimizer/";

pub(crate) fn read_state(
    step: usize,
    model: &Model,
    optimizer: &ModuleOptimizer,
) -> Result<TrainState, CheckpointError> {
    let trained = trained(model);
    let paths: BTreeMap<String, &String> =
        trained.iter().map(|(path, (id, _))| (id.val().to_string(), path)).collect();
    let record = reader(optimizer.to_record().into_bytes().map_err(problem)?)?;
    let renamed = |name: &str| {
        let (id, field) = name.split_once('.').unwrap_or((name, ""));
        let path = paths
            .get(id)
            .ok_or_else(|| problem(format!("`{name}` does not belong to a trained parameter")))?;
        Ok::<_, CheckpointError>(format!("{OPTIMIZER}{path}|{field}"))
    };
    let scalars = record.scalars().clone();
    let mut tensors = vec![];
    for tensor in record.into_tensors().map_err(problem)? {
        let (name, dtype, shape, _, bytes) = tensor.into_parts().map_err(problem)?;
        tensors.push((renamed(&name)?, dtype, shape, bytes));
    }
    for (path, (_, data)) in &trained {
        let (bytes, shape, dtype) = data.clone().into_parts();
        tensors.push((format!("{PARAMETER}{path}"), dtype, shape, bytes));
    }
    // The record is in the order of a hash map. Sorted, the same state gives the same bytes.
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let tensors = tensors
        .into_iter()
        .map(|(name, dtype, shape, bytes)| burn_pack::Tensor::new(name, dtype, shape, None, bytes));
    let mut writer = Writer::new(tensors.collect());
    for (name, value) in scalars {
        writer = writer.with_scalar(&renamed(&name)?, value);
    }
    Ok(TrainState { step, values: writer.into_bytes().map_err(problem)?.to_vec() })
}

/// The model and the optimiser with the values of `state`.
pub(crate) fn restored(
    state: &TrainState,
    model: &Model,
    fresh: ModuleOptimizer,
) -> Result<(Model, ModuleOptimizer), CheckpointError> {
    let trained = trained(model);
    let pack = reader(Bytes::from_bytes_vec(state.values.clone()))?;
    let scalars = pack.scalars().clone();
    let (mut values, mut record) = (BTreeMap::new(), vec![]);
    let id_name = |name: &str| {
        let unknown = || problem(format!("`{name}` does not belong to a parameter that is trained here"));
        let (path, field) =
            name.strip_prefix(OPTIMIZER).and_then(|n| n.split_once('|')).ok_or_else(unknown)?;
        let id = trained.get(path).ok_or_else(unknown)?.0.val();
        Ok::<_, CheckpointError>((format!("{id}.{field}"), id))
    };
    for tensor in pack.into_tensors().map_err(problem)? {
        let (name, dtype, shape, _, bytes) = tensor.into_parts().map_err(problem)?;
        if let Some(path) = name.strip_prefix(PARAMETER) {
            values.insert(path.to_string(), TensorData::from_bytes(bytes, shape, dtype));
            continue;
        }
        let (name, id) = id_name(&name)?;
        record.push(burn_pack::Tensor::new(name, dtype, shape, Some(id), bytes));
    }
    check_fit(&trained, &values)?;
    let mut writer = Writer::new(record);
    for (name, value) in scalars {
        writer = writer.with_scalar(&id_name(&name)?.0, value);
    }
    let record = OptimizerRecord::from_bytes(writer.into_bytes().map_err(problem)?).map_err(problem)?;
    let (tensors, optimizer) = (record.len(), fresh.load_record(record));
    // burn ignores entries that it cannot read.
    if optimizer.to_record().len() != tensors {
        return Err(problem("it was written with another optimiser"));
    }
    let model = map_params(model.clone(), &mut Replace { values });
    Ok((model, optimizer))
}

fn check_fit(
    trained: &BTreeMap<String, (ParamId, TensorData)>,
    values: &BTreeMap<String, TensorData>,
) -> Result<(), CheckpointError> {
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

/// The parameters that require gradients, by path, with their id and value.
fn trained(model: &Model) -> BTreeMap<String, (ParamId, TensorData)> {
    let mut trained = BTreeMap::new();
    visit_params(model, |path, param| {
        if param.requires_grad() {
            trained.insert(path.field_path(), (param.id(), param.data()));
        }
    });
    trained
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

fn reader(bytes: Bytes) -> Result<Reader, CheckpointError> {
    Reader::from_bytes(bytes).map_err(problem)
}

fn problem(reason: impl ToString) -> CheckpointError {
    CheckpointError::State { reason: reason.to_string() }
}
