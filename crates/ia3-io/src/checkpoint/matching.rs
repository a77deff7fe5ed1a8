//! Finding the tensor of each parameter of a module, and checking that it fits.

use std::collections::BTreeMap;

use burn::tensor::{DType, FloatDType};
use ia3_core::Bits;

use crate::checkpoint::candidates::candidates;
use crate::checkpoint::fill::{Float, Match, Stored};
use crate::checkpoint::open::Checkpoint;
use crate::checkpoint::param_spec::ParamSpec;
use crate::checkpoint::problems::{BadDtype, MisShaped};
use crate::checkpoint::quantization_config::OwnFormat;
use crate::checkpoint::quantized::{
    names,
    read::{self, Integers},
};
use crate::checkpoint::{CheckpointError, LoadOptions};
use crate::missing::nearest_of_each;
use crate::safetensors::is_float;

/// The tensors that do not fit a module.
#[derive(Default)]
struct Problems {
    missing: Vec<String>,
    mis_shaped: Vec<MisShaped>,
    bad_dtype: Vec<BadDtype>,
}

impl Problems {
    fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.mis_shaped.is_empty() && self.bad_dtype.is_empty()
    }
}

impl Checkpoint {
    /// The tensor of each parameter, by the path of the parameter. All of them have been checked.
    pub(super) fn matched(
        &self,
        params: &[ParamSpec],
        options: &LoadOptions,
        format: Option<OwnFormat>,
    ) -> Result<BTreeMap<String, Match>, CheckpointError> {
        check_cast(options.dtype)?;
        let mut matched = BTreeMap::new();
        let mut problems = Problems::default();
        for param in params {
            let names = candidates(&param.name, options);
            if let Some(integers) = self.integers(param, &names, format)? {
                matched.insert(param.path.clone(), integers);
                continue;
            }
            match names.into_iter().find(|name| self.contains(name)) {
                None if options.is_optional(&param.name) => {}
                None => problems.missing.push(param.name.clone()),
                Some(name) => {
                    let tensor = self.check(param, name, options, &mut problems)?;
                    matched.extend(tensor.map(|tensor| (param.path.clone(), tensor)));
                }
            }
        }
        if problems.is_empty() { Ok(matched) } else { Err(self.mismatch(problems)) }
    }

    /// The integers of a parameter, if the file holds no floats of it.
    fn integers(
        &self,
        param: &ParamSpec,
        names: &[String],
        format: Option<OwnFormat>,
    ) -> Result<Option<Match>, CheckpointError> {
        let (Some(OwnFormat { version, .. }), Some(shape)) = (format, param.outputs_first) else {
            return Ok(None);
        };
        if names.iter().any(|name| self.contains(name)) {
            return Ok(None);
        }
        let bits_of = |name: &String| {
            [Bits::Four, Bits::Eight].into_iter().find(|bits| self.contains(&names::integers(name, *bits)))
        };
        let Some((name, bits)) = names.iter().find_map(|name| Some((name, bits_of(name)?))) else {
            return Ok(None);
        };
        let integers = Integers { bits, shape, version, minima: self.contains(&names::minima(name)) };
        read::check(self, name, integers)?;
        Ok(Some(Match { name: name.clone(), stored: Stored::Integers(integers) }))
    }

    /// The tensor `name` of a parameter, if it fits.
    fn check(
        &self,
        param: &ParamSpec,
        name: String,
        options: &LoadOptions,
        problems: &mut Problems,
    ) -> Result<Option<Match>, CheckpointError> {
        if let Some(weight) = self.packed(&name) {
            let shape = weight.shape;
            return self.check_packed(param, name, shape, options, problems);
        }
        let (_, entry) = self.stored().entry(&name)?;
        if entry.shape != param.shape {
            let (expected, found) = (param.shape.clone(), entry.shape.clone());
            problems.mis_shaped.push(MisShaped { name, expected, found });
            return Ok(None);
        }
        if !is_float(entry.dtype) {
            problems.bad_dtype.push(BadDtype { name, found: entry.dtype });
            return Ok(None);
        }
        if self.is_kept(param, &name, options)? {
            return Ok(Some(Match { name, stored: Stored::Kept }));
        }
        let dtype = options.dtype_of(&param.name, entry.float_dtype());
        check_device(&name, dtype, param)?;
        let ParamSpec { transposed, transposes_itself, .. } = *param;
        let stored = Stored::Float(Float { dtype, transposed, transposes_itself });
        Ok(Some(Match { name, stored }))
    }

    /// The packed weight `name`, whose shape is `[d_out, d_in]`, if it fits a parameter.
    fn check_packed(
        &self,
        param: &ParamSpec,
        name: String,
        shape: [usize; 2],
        options: &LoadOptions,
        problems: &mut Problems,
    ) -> Result<Option<Match>, CheckpointError> {
        if param.outputs_first != Some(shape) {
            let expected = param.outputs_first.map_or(param.shape.clone(), |shape| shape.to_vec());
            problems.mis_shaped.push(MisShaped { name, expected, found: shape.to_vec() });
            return Ok(None);
        }
        if self.is_kept(param, &name, options)? {
            return Ok(Some(Match { name, stored: Stored::Kept }));
        }
        let dtype = options.dtype_of(&param.name, DType::F32);
        check_device(&name, dtype, param)?;
        let transposes_itself = param.transposes_itself;
        // Only a parameter that transposes itself takes the outputs first; GPT-2's layers have the inputs first too.
        let stored = Stored::Float(Float { dtype, transposed: !transposes_itself, transposes_itself });
        Ok(Some(Match { name, stored }))
    }

    /// Whether the tensor `name`, which fits the parameter, stays integers of another program.
    fn is_kept(&self, param: &ParamSpec, name: &str, options: &LoadOptions) -> Result<bool, CheckpointError> {
        Ok(options.keep_quantized && param.outputs_first.is_some() && self.can_keep(name)?)
    }

    fn mismatch(&self, problems: Problems) -> CheckpointError {
        let Problems { missing, mis_shaped, bad_dtype } = problems;
        let names: Vec<&str> = self.tensors().map(|tensor| tensor.name).collect();
        let missing = nearest_of_each(&missing, names.into_iter());
        CheckpointError::Mismatch { path: self.path().to_owned(), missing, mis_shaped, bad_dtype }
    }
}

fn check_cast(dtype: Option<FloatDType>) -> Result<(), CheckpointError> {
    match dtype {
        None | Some(FloatDType::F32 | FloatDType::F16 | FloatDType::BF16) => Ok(()),
        Some(other) => Err(CheckpointError::LoadDtype { found: format!("{other:?}") }),
    }
}

fn check_device(name: &str, dtype: DType, param: &ParamSpec) -> Result<(), CheckpointError> {
    if param.device.supports_dtype(dtype) {
        return Ok(());
    }
    let (dtype, device) = (format!("{dtype:?}"), format!("{:?}", param.device));
    Err(CheckpointError::DeviceDtype { tensor: name.to_string(), dtype, device })
}
