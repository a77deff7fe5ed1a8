//! Reading tensors into the parameters of a module.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Tensor};

use crate::checkpoint::Checkpoint;
use crate::error::IoError;
use ia3_core::ParameterPath;

/// The tensor for a parameter.
pub(crate) struct Match {
    pub(crate) name: String,
    pub(crate) dtype: DType,
    pub(crate) transposed: bool,
}

/// Reads the tensor of each matched parameter, by its path, into `module`.
pub(crate) fn fill<M: Module>(
    module: M,
    checkpoint: &Checkpoint,
    matched: BTreeMap<String, Match>,
) -> Result<M, IoError> {
    let mut loader = Loader { checkpoint, matched, walk: ParameterPath::default(), failed: None };
    let module = module.map(&mut loader);
    loader.failed.map_or(Ok(module), Err)
}

struct Loader<'a> {
    checkpoint: &'a Checkpoint,
    matched: BTreeMap<String, Match>,
    walk: ParameterPath,
    /// The first tensor that could not be read; nothing is read after it.
    failed: Option<IoError>,
}

impl ModuleMapper for Loader<'_> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.walk.enter(name, container_type);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.walk.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.failed.is_some() || self.walk.inside_reparameterization() {
            return param;
        }
        let Some(Match { name, dtype, transposed }) = self.matched.get(&self.walk.parameter()) else {
            return param;
        };
        match self.checkpoint.read(name, *dtype, *transposed) {
            Err(error) => {
                self.failed = Some(error);
                param
            }
            Ok(data) => {
                let (id, device, dtype) = (param.id, param.lazy_device(), *dtype);
                let tensor = device
                    .memory_persistent_allocations(data, |data| Tensor::from_data(data, (&device, dtype)));
                param.transform_for_load(tensor, id)
            }
        }
    }
}
