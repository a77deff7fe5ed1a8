//! From a checkpoint into a module.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, FloatDType, Tensor};
use safetensors::Dtype;

use crate::checkpoint::Checkpoint;
use crate::error::IoError;
use crate::error_parts::{BadDtype, MisShaped};
use crate::load_report::LoadReport;
use crate::slots::{Slot, slots};
use crate::text::nearest_of_each;
use crate::walk::Walk;

/// How a checkpoint is loaded; the default takes every tensor by its name and as it is stored.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// Other names a parameter may have in the file: (Hugging Face's name in the model, name in the file). They are
    /// tried in order where the name itself is not there. Another tensor of the same bytes counts as used.
    pub aliases: Vec<(String, String)>,
    /// A prefix that the names of either side may have, such as `bert.` or `transformer.`.
    pub prefix: Option<String>,
    /// The dtype of the loaded weights: float32, float16 or bfloat16, rounded to nearest. `None` keeps the file's
    /// (float64 becomes float32).
    pub dtype: Option<FloatDType>,
    /// Whether parameters without a tensor are left as they are and only reported.
    pub allow_missing: bool,
}

impl Checkpoint {
    /// Fills the float parameters of `module` from the file, and reports what was not used.
    ///
    /// Names are burn's paths, with `gamma` and `beta` of norms as `weight` and `bias`; the weight of a `Linear` is
    /// transposed, everything else is taken as it lies. Parameters keep their device, identity and whether they are
    /// trained; one that was never read does not get its random values first. Beside the module there are only a few
    /// megabytes in memory.
    ///
    /// # Errors
    ///
    /// [`IoError::Checkpoint`] with every tensor that is missing or of another shape or dtype, [`IoError::LoadDtype`],
    /// [`IoError::DeviceDtype`]: all found before the first tensor is made. [`IoError::Io`] while reading.
    pub fn load<M: Module>(&self, module: M, options: &LoadOptions) -> Result<(M, LoadReport), IoError> {
        let slots = slots(&module);
        let matched = self.matched(&slots, options)?;
        let report = self.report(&slots, &matched, options)?;
        let mut loader = Loader { checkpoint: self, matched, walk: Walk::default(), failed: None };
        let module = module.map(&mut loader);
        loader.failed.map_or(Ok((module, report)), Err)
    }

    /// The tensor of each parameter by its path, all checked.
    fn matched(&self, slots: &[Slot], options: &LoadOptions) -> Result<BTreeMap<String, Match>, IoError> {
        let cast = options.dtype.map(cast_dtype).transpose()?;
        let mut matched = BTreeMap::new();
        let (mut missing, mut mis_shaped, mut bad_dtype) = (vec![], vec![], vec![]);
        for slot in slots {
            let Some(name) = candidates(&slot.name, options).into_iter().find(|name| self.contains(name))
            else {
                missing.push(slot.name.clone());
                continue;
            };
            let (_, entry) = self.entry(&name)?;
            if entry.shape != slot.shape {
                let (expected, found) = (slot.shape.clone(), entry.shape.clone());
                mis_shaped.push(MisShaped { name, expected, found });
            } else if !is_float(entry.dtype) {
                bad_dtype.push(BadDtype { name, found: entry.dtype });
            } else {
                let dtype = cast.unwrap_or(entry.float_dtype());
                check_device(&name, dtype, slot)?;
                matched.insert(slot.path.clone(), Match { name, dtype, transposed: slot.transposed });
            }
        }
        if options.allow_missing {
            missing.clear();
        }
        if missing.is_empty() && mis_shaped.is_empty() && bad_dtype.is_empty() {
            return Ok(matched);
        }
        let missing =
            nearest_of_each(&missing, self.tensors().map(|t| t.name).collect::<Vec<_>>().into_iter());
        Err(IoError::Checkpoint { path: self.path().to_owned(), missing, mis_shaped, bad_dtype })
    }

    fn report(
        &self,
        slots: &[Slot],
        matched: &BTreeMap<String, Match>,
        options: &LoadOptions,
    ) -> Result<LoadReport, IoError> {
        let mut report = LoadReport::default();
        let mut used = BTreeSet::new();
        for slot in slots {
            let Some(tensor) = matched.get(&slot.path) else {
                report.missing.push(slot.name.clone());
                continue;
            };
            report.loaded.push(slot.name.clone());
            report.bytes += self.facts(&tensor.name).map_or(0, |facts| facts.bytes as u64);
            for other in candidates(&slot.name, options) {
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

/// The names a parameter may have in the file, best first.
fn candidates(name: &str, options: &LoadOptions) -> Vec<String> {
    let aliases = options.aliases.iter().filter(|(model, _)| model == name).map(|(_, file)| file.as_str());
    let mut candidates = Vec::new();
    for name in [name].into_iter().chain(aliases) {
        candidates.push(name.to_string());
        if let Some(prefix) = &options.prefix {
            candidates.push(format!("{prefix}{name}"));
            candidates.extend(name.strip_prefix(prefix.as_str()).map(str::to_string));
        }
    }
    candidates
}

fn cast_dtype(dtype: FloatDType) -> Result<DType, IoError> {
    match dtype {
        FloatDType::F32 | FloatDType::F16 | FloatDType::BF16 => Ok(dtype.into()),
        other => Err(IoError::LoadDtype { found: format!("{other:?}") }),
    }
}

fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F64)
}

fn check_device(name: &str, dtype: DType, slot: &Slot) -> Result<(), IoError> {
    if slot.device.supports_dtype(dtype) {
        return Ok(());
    }
    let (dtype, device) = (format!("{dtype:?}"), format!("{:?}", slot.device));
    Err(IoError::DeviceDtype { tensor: name.to_string(), dtype, device })
}

/// The tensor for a parameter.
struct Match {
    name: String,
    dtype: DType,
    transposed: bool,
}

struct Loader<'a> {
    checkpoint: &'a Checkpoint,
    matched: BTreeMap<String, Match>,
    walk: Walk,
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
        if self.failed.is_some() || self.walk.is_attached_state() {
            return param;
        }
        let Some(Match { name, dtype, transposed }) = self.matched.get(&self.walk.path()) else {
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
