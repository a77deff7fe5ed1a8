//! Loading a checkpoint into a module.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::Module;
use ia3_core::{ActivationSpace, Quantization, QuantizeReport, Quantizer};

use crate::checkpoint::candidates::candidates;
use crate::checkpoint::fill::{Match, Stored, fill};
use crate::checkpoint::open::Checkpoint;
use crate::checkpoint::param_spec::{ParamSpec, param_specs};
use crate::checkpoint::{CheckpointError, LoadOptions, LoadReport};

impl Checkpoint {
    /// Fills the float parameters of `module` from the file, and reports what was not used.
    ///
    /// A parameter's name in the file is burn's path, with `weight` and `bias` for `gamma` and `beta` of norms. The weight
    /// of a `Linear` is transposed; every other tensor keeps its layout. Parameters keep their device, their identity and
    /// whether they are trained. A parameter that was not initialised yet does not get its random values first. Beside
    /// the module, only a few megabytes are in memory.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Mismatch`] with every tensor that is missing or has another shape or dtype,
    /// [`CheckpointError::LoadDtype`] and [`CheckpointError::DeviceDtype`]; these are found before the first tensor is
    /// made. [`CheckpointError::File`] while reading.
    pub fn load<M: Module>(&self, module: M) -> Result<(M, LoadReport), CheckpointError> {
        self.load_with(module, &LoadOptions::new())
    }

    /// Loads as [`load`](Self::load) does, with options.
    ///
    /// # Errors
    ///
    /// The errors of [`load`](Self::load), and [`CheckpointError::NothingKept`] and [`CheckpointError::QuantizedWeight`] where
    /// [`LoadOptions::keep_quantized`] asks for what is not there, or for what the device cannot hold.
    pub fn load_with<M: Module>(
        &self,
        module: M,
        options: &LoadOptions,
    ) -> Result<(M, LoadReport), CheckpointError> {
        let params = param_specs(&module);
        let format = self.own_format()?;
        let matched = self.matched(&params, options, format)?;
        let mut report = self.report(&params, &matched, options)?;
        if options.keep_quantized && report.kept.is_empty() && format.is_none() {
            let (path, decoded) = (self.path().to_owned(), report.decoded);
            return Err(CheckpointError::NothingKept { path, decoded });
        }
        let (module, non_finite) = fill(module, self, matched, None)?;
        report.non_finite = non_finite;
        Ok((module, report))
    }

    /// Loads as [`load`](Self::load) does, and quantises the weights of linear layers one after the other, as
    /// [`quantize`](ia3_core::quantize) does. At most one of them is in memory as float32 at any time.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), [`CheckpointError::AlreadyQuantized`] and [`CheckpointError::KeptAndQuantized`].
    pub fn load_quantized<M: ActivationSpace>(
        &self,
        module: M,
        how: impl Into<Quantization>,
    ) -> Result<(M, LoadReport, QuantizeReport), CheckpointError> {
        self.load_quantized_with(module, how, &LoadOptions::new())
    }

    /// Loads as [`load_quantized`](Self::load_quantized) does, with options.
    ///
    /// # Errors
    ///
    /// The errors are those of [`load_quantized`](Self::load_quantized).
    pub fn load_quantized_with<M: ActivationSpace>(
        &self,
        module: M,
        how: impl Into<Quantization>,
        options: &LoadOptions,
    ) -> Result<(M, LoadReport, QuantizeReport), CheckpointError> {
        if options.keep_quantized {
            return Err(CheckpointError::KeptAndQuantized { path: self.path().to_owned() });
        }
        if self.quantization()?.is_some() {
            return Err(CheckpointError::AlreadyQuantized { path: self.path().to_owned() });
        }
        let params = param_specs(&module);
        let matched = self.matched(&params, options, None)?;
        let mut report = self.report(&params, &matched, options)?;
        let mut quantizer = Quantizer::new(module.info(), how);
        let (module, non_finite) = fill(module, self, matched, Some(&mut quantizer))?;
        report.non_finite = non_finite;
        Ok((module.no_grad(), report, quantizer.report()))
    }

    fn report(
        &self,
        params: &[ParamSpec],
        matched: &BTreeMap<String, Match>,
        options: &LoadOptions,
    ) -> Result<LoadReport, CheckpointError> {
        let mut report = LoadReport::default();
        let mut used = BTreeSet::new();
        for param in params {
            let Some(tensor) = matched.get(&param.path) else {
                report.missing.push(param.name.clone());
                continue;
            };
            report.loaded.push(param.name.clone());
            match tensor.stored {
                Stored::Kept => report.kept.push(param.name.clone()),
                Stored::Float(_) if options.keep_quantized && self.is_of_another_program(&tensor.name) => {
                    report.decoded.push(param.name.clone());
                }
                _ => {}
            }
            let size = |name: &String| self.facts(name).map_or(0, |facts| facts.bytes as u64);
            let tensors = tensor.tensors();
            report.bytes += tensors.iter().map(size).sum::<u64>();
            used.extend(tensors);
            for other in candidates(&param.name, options) {
                if self.contains(&other) && (other == tensor.name || self.same_bytes(&other, &tensor.name)?) {
                    used.insert(other);
                }
            }
        }
        let unused = self.tensors().filter(|tensor| !used.contains(tensor.name));
        report.unused = unused.map(|tensor| tensor.name.to_string()).collect();
        Ok(report)
    }
}
