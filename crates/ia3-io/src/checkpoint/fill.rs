//! Reading tensors into the parameters of a module.

use std::collections::BTreeMap;

use burn::module::{Module, Param};
use burn::tensor::{DType, Device, Tensor};
use ia3_core::{
    NonFinite, ParamMapper, ParamPath, QuantizationError, QuantizedWeight, Quantizer, map_params,
};

use crate::checkpoint::CheckpointError;
use crate::checkpoint::open::Checkpoint;
use crate::checkpoint::quantized::{
    names,
    read::{self, Integers},
};

/// The tensor that is read into a parameter.
pub(crate) struct Match {
    pub(crate) name: String,
    pub(crate) stored: Stored,
}

/// How the file stores the tensor.
#[derive(Clone, Copy)]
pub(crate) enum Stored {
    Float(Float),
    Integers(Integers),
    /// Integers of another program.
    Kept,
}

/// How the floats of a tensor are read.
#[derive(Clone, Copy)]
pub(crate) struct Float {
    pub(crate) dtype: DType,
    pub(crate) transposed: bool,
    /// Whether the parameter takes the matrix of the file and transposes it itself.
    pub(crate) transposes_itself: bool,
}

impl Match {
    /// The names of the tensors that are read.
    pub(crate) fn tensors(&self) -> Vec<String> {
        match self.stored {
            Stored::Float(_) | Stored::Kept => vec![self.name.clone()],
            Stored::Integers(integers) => integers.tensors(&self.name),
        }
    }
}

/// Reads the tensor of each matched parameter into `module`, and quantises it if there is a quantiser. Returns the tensors
/// with values that are not finite too.
pub(crate) fn fill<M: Module>(
    module: M,
    checkpoint: &Checkpoint,
    matched: BTreeMap<String, Match>,
    quantizer: Option<&mut Quantizer>,
) -> Result<(M, Vec<NonFinite>), CheckpointError> {
    let mut loader = Loader { checkpoint, matched, quantizer, non_finite: vec![], failed: None };
    let module = map_params(module, &mut loader);
    loader.failed.map_or(Ok((module, loader.non_finite)), Err)
}

struct Loader<'a> {
    checkpoint: &'a Checkpoint,
    matched: BTreeMap<String, Match>,
    quantizer: Option<&'a mut Quantizer>,
    non_finite: Vec<NonFinite>,
    /// The first error; no tensor is read after it.
    failed: Option<CheckpointError>,
}

impl ParamMapper for Loader<'_> {
    fn map_float<const D: usize>(&mut self, path: &ParamPath, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.failed.is_some() || path.inside_reparameterization() {
            return param;
        }
        let Some(matched) = self.matched.get(&path.to_string()) else { return param };
        let (name, stored) = (matched.name.clone(), matched.stored);
        let read = match stored {
            Stored::Integers(integers) => self.integers(&name, integers, &param),
            Stored::Kept => self.kept(&name, &param),
            Stored::Float(how) => self.floats(path, &name, how, &param),
        };
        read.unwrap_or_else(|error| {
            self.failed = Some(error);
            param
        })
    }
}

impl Loader<'_> {
    fn floats<const D: usize>(
        &mut self,
        path: &ParamPath,
        name: &str,
        how: Float,
        param: &Param<Tensor<D>>,
    ) -> Result<Param<Tensor<D>>, CheckpointError> {
        let data = self.checkpoint.read(name, how.dtype, how.transposed)?;
        self.non_finite.extend(NonFinite::of(name, &data));
        let device = param.lazy_device();
        let make = |data| Tensor::<D>::from_data(data, (&device, how.dtype));
        let tensor = match &mut self.quantizer {
            None => device.memory_persistent_allocations(data, make),
            Some(quantizer) => {
                let turned =
                    |tensor: Tensor<D>| if how.transposes_itself { tensor.transpose() } else { tensor };
                let tensor = quantizer.quantize(path, turned(make(data)));
                if matches!(tensor.dtype(), DType::QFloat(_)) {
                    return Ok(Param::initialized(param.id, tensor));
                }
                turned(tensor)
            }
        };
        Ok(param.clone().transform_for_load(tensor, param.id))
    }

    fn integers<const D: usize>(
        &mut self,
        name: &str,
        of: Integers,
        param: &Param<Tensor<D>>,
    ) -> Result<Param<Tensor<D>>, CheckpointError> {
        let weight = read::read(self.checkpoint, name, of)?;
        self.non_finite.extend(NonFinite::of(&names::scales(name), &weight.scales().into()));
        self.non_finite.extend(NonFinite::of(&names::minima(name), &weight.minima().into()));
        // Version 1 is what `quantize` makes, which operations of burn can read.
        let make =
            if of.version == 1 { QuantizedWeight::into_tensor } else { QuantizedWeight::into_compact_tensor };
        let tensor = made(weight, param, make);
        let tensor =
            tensor.map_err(|why| read::problem(self.checkpoint, &names::integers(name, of.bits), why))?;
        Ok(Param::initialized(param.id, tensor))
    }

    fn kept<const D: usize>(
        &mut self,
        name: &str,
        param: &Param<Tensor<D>>,
    ) -> Result<Param<Tensor<D>>, CheckpointError> {
        let weight = self.checkpoint.kept(name)?.into_weight();
        let tensor = weight.and_then(|weight| {
            self.non_finite.extend(NonFinite::of(name, &weight.scales().into()));
            self.non_finite.extend(NonFinite::of(name, &weight.minima().into()));
            made(weight, param, QuantizedWeight::into_compact_tensor)
        });
        let tensor = tensor.map_err(|why| read::problem(self.checkpoint, name, why))?;
        Ok(Param::initialized(param.id, tensor))
    }
}

/// A quantised weight is made as `[d_in, d_out]`, whatever layout the parameter has for floats, and is not trained.
fn made<const D: usize>(
    weight: QuantizedWeight,
    param: &Param<Tensor<D>>,
    make: fn(QuantizedWeight, &Device) -> Result<Tensor<D>, QuantizationError>,
) -> Result<Tensor<D>, QuantizationError> {
    let device = param.lazy_device();
    device.memory_persistent_allocations(weight, |weight| make(weight, &device))
}
