//! The checks of what the state holds for an optimiser. burn takes such a record as it is, and fails at the next step.

use burn::tensor::{DType, TensorData};
use burn_pack::Scalar;

use super::{OPTIMIZER, Parameters, problem};
use crate::error::CheckpointError;

/// burn's name of the number of dimensions of a parameter.
const RANK: &str = "__rank";

/// The entry `optimizer/PATH|FIELD` of a state.
pub(super) struct OptimizerEntry<'a> {
    name: &'a str,
    field: &'a str,
    parameter: &'a TensorData,
    /// The id of the parameter.
    pub(super) id: u64,
}

impl<'a> OptimizerEntry<'a> {
    pub(super) fn new(name: &'a str, trained: &'a Parameters) -> Result<Self, CheckpointError> {
        let unknown = || problem(format!("`{name}` does not belong to a parameter that is trained here"));
        let (path, field) =
            name.strip_prefix(OPTIMIZER).and_then(|n| n.split_once('|')).ok_or_else(unknown)?;
        let (id, parameter) = trained.get(path).ok_or_else(unknown)?;
        Ok(Self { name, field, parameter, id: id.val() })
    }

    /// The name in burn's record.
    pub(super) fn record_name(&self) -> String {
        format!("{}.{}", self.id, self.field)
    }

    /// Refuses a tensor that has neither the shape of the parameter nor that of its means over rows or columns, which Adafactor has.
    pub(super) fn check_tensor(&self, shape: &[usize], dtype: DType) -> Result<(), CheckpointError> {
        let expected = self.parameter.shape().to_vec();
        let mean = |from_end: usize| {
            let mut mean = expected.clone();
            mean[expected.len() - from_end] = 1;
            mean == shape
        };
        let fits = shape == expected || expected.len() > 1 && (mean(1) || mean(2));
        if fits && (dtype == DType::F32 || dtype == self.parameter.dtype()) {
            return Ok(());
        }
        let (name, expected_dtype) = (self.name, self.parameter.dtype());
        Err(problem(format!("`{name}` is {dtype:?} {shape:?}, expected {expected_dtype:?} {expected:?}")))
    }

    /// Refuses another number of dimensions than that of the parameter, and more updates than there were `steps`.
    pub(super) fn check_scalar(&self, value: Scalar, steps: usize) -> Result<(), CheckpointError> {
        let rank = self.parameter.shape().len() as u64;
        let (name, found) = (self.name, u64::try_from(value).ok());
        match found {
            Some(found) if self.field == RANK && found != rank => {
                Err(problem(format!("`{name}` is {found}, expected {rank}")))
            }
            Some(found) if self.field != RANK && found > steps as u64 => Err(problem(format!(
                "`{name}` is {found}, expected at most the {steps} steps that were done"
            ))),
            Some(_) => Ok(()),
            None => Err(problem(format!("`{name}` is {value:?}, expected a whole number"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::module::ParamId;

    use super::*;

    fn parameters() -> Parameters {
        let data = |shape: &[usize]| TensorData::zeros::<f32, _>(shape.to_vec());
        [("l", data(&[4])), ("head", data(&[3, 4]))]
            .into_iter()
            .map(|(path, data)| (path.to_string(), (ParamId::new(), data)))
            .collect()
    }

    fn fits(name: &str, shape: &[usize], dtype: DType) -> bool {
        OptimizerEntry::new(name, &parameters()).unwrap().check_tensor(shape, dtype).is_ok()
    }

    #[test]
    fn tensors_have_the_shape_of_the_parameter_or_of_its_means() {
        let (vector, head) = ("optimizer/l|moment_1", "optimizer/head|second_moment");
        assert!(fits(vector, &[4], DType::F32));
        for shape in [&[1][..], &[5], &[], &[4, 1], &[0]] {
            assert!(!fits(vector, shape, DType::F32), "{shape:?}");
        }
        for shape in [[3, 4], [3, 1], [1, 4]] {
            assert!(fits(head, &shape, DType::F32), "{shape:?}");
        }
        for shape in [&[1, 1][..], &[4, 3], &[3], &[1, 3, 4]] {
            assert!(!fits(head, shape, DType::F32), "{shape:?}");
        }
        assert!(!fits(vector, &[4], DType::F64) && !fits(vector, &[4], DType::I32));
    }

    #[test]
    fn scalars_are_the_rank_and_at_most_the_steps() {
        let error = |name: &str, value| {
            let parameters = parameters();
            let entry = OptimizerEntry::new(name, &parameters).unwrap();
            entry.check_scalar(value, 5).map_err(|e| e.to_string()).err()
        };
        assert_eq!(error("optimizer/head|__rank", Scalar::UInt(2)), None);
        assert_eq!(error("optimizer/l|time", Scalar::UInt(5)), None);
        let rank = error("optimizer/l|__rank", Scalar::UInt(0)).unwrap();
        assert!(rank.contains("`optimizer/l|__rank` is 0, expected 1"), "{rank}");
        let time = error("optimizer/l|time", Scalar::UInt(u64::MAX)).unwrap();
        assert!(time.contains("expected at most the 5 steps"), "{time}");
        assert!(error("optimizer/l|time", Scalar::Float(0.5)).unwrap().contains("expected a whole number"));
    }
}
