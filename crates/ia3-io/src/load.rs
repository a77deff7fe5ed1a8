//! From a checkpoint into a module.

use std::collections::{BTreeMap, BTreeSet};

use burn::module::Module;
use burn::tensor::{DType, FloatDType};
use ia3_core::{ActivationSpace, Bits, Quantization, QuantizeReport, Quantizer};
use safetensors::Dtype;

use crate::checkpoint::Checkpoint;
use crate::error::IoError;
use crate::error_parts::{BadDtype, MisShaped};
use crate::fill::{Content, Floats, Match, fill};
use crate::load_report::LoadReport;
use crate::packed;
use crate::slots::{Slot, slots};
use crate::text::nearest_of_each;

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
    /// Modules whose parameters the file need not hold, such as `classifier`; they are left as they are and reported.
    pub optional: Vec<String>,
    /// Whether all parameters without a tensor are left as they are and only reported.
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
        let matched = self.matched(&slots, options, self.quantization()?)?;
        let report = self.report(&slots, &matched, options)?;
        Ok((fill(module, self, matched, None)?, report))
    }

    /// As [`load`](Self::load), with the weights of linear layers quantised one after the other, as
    /// [`quantize`](ia3_core::quantize) does: in memory there is never more than one of them in float32.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), and [`IoError::AlreadyQuantized`].
    pub fn load_quantized<M: ActivationSpace>(
        &self,
        module: M,
        options: &LoadOptions,
        how: impl Into<Quantization>,
    ) -> Result<(M, LoadReport, QuantizeReport), IoError> {
        if self.quantization()?.is_some() {
            return Err(IoError::AlreadyQuantized { path: self.path().to_owned() });
        }
        let slots = slots(&module);
        let matched = self.matched(&slots, options, None)?;
        let report = self.report(&slots, &matched, options)?;
        let mut quantizer = Quantizer::new(module.info(), how);
        let module = fill(module, self, matched, Some(&mut quantizer))?;
        Ok((module.no_grad(), report, quantizer.report()))
    }

    /// The tensor of each parameter by its path, all checked.
    fn matched(
        &self,
        slots: &[Slot],
        options: &LoadOptions,
        bits: Option<Bits>,
    ) -> Result<BTreeMap<String, Match>, IoError> {
        let cast = options.dtype.map(cast_dtype).transpose()?;
        let mut matched = BTreeMap::new();
        let mut problems = Problems::default();
        for slot in slots {
            let names = candidates(&slot.name, options);
            if let Some(packed) = self.packed(slot, &names, bits)? {
                matched.insert(slot.path.clone(), packed);
                continue;
            }
            match names.into_iter().find(|name| self.contains(name)) {
                None if options.is_optional(&slot.name) => {}
                None => problems.missing.push(slot.name.clone()),
                Some(name) => {
                    let tensor = self.check(slot, name, cast, &mut problems)?;
                    matched.extend(tensor.map(|tensor| (slot.path.clone(), tensor)));
                }
            }
        }
        if problems.is_empty() { Ok(matched) } else { Err(self.misfit(problems)) }
    }

    /// The integers for a parameter, where the file has no floats of it.
    fn packed(&self, slot: &Slot, names: &[String], bits: Option<Bits>) -> Result<Option<Match>, IoError> {
        let (Some(bits), Some(shape)) = (bits, slot.outputs_first) else { return Ok(None) };
        if names.iter().any(|name| self.contains(name)) {
            return Ok(None);
        }
        let Some(name) = names.iter().find(|name| self.contains(&packed::integers(name, bits))) else {
            return Ok(None);
        };
        packed::check(self, name, bits, shape)?;
        Ok(Some(Match { name: name.clone(), content: Content::Integers { bits, shape } }))
    }

    /// The tensor `name` for a parameter, if it fits.
    fn check(
        &self,
        slot: &Slot,
        name: String,
        cast: Option<DType>,
        problems: &mut Problems,
    ) -> Result<Option<Match>, IoError> {
        let (_, entry) = self.entry(&name)?;
        if entry.shape != slot.shape {
            let (expected, found) = (slot.shape.clone(), entry.shape.clone());
            problems.mis_shaped.push(MisShaped { name, expected, found });
            return Ok(None);
        }
        if !is_float(entry.dtype) {
            problems.bad_dtype.push(BadDtype { name, found: entry.dtype });
            return Ok(None);
        }
        let dtype = cast.unwrap_or(entry.float_dtype());
        check_device(&name, dtype, slot)?;
        let Slot { transposed, transposes_itself, .. } = *slot;
        let content = Content::Floats(Floats { dtype, transposed, transposes_itself });
        Ok(Some(Match { name, content }))
    }

    fn misfit(&self, problems: Problems) -> IoError {
        let Problems { missing, mis_shaped, bad_dtype } = problems;
        let names: Vec<&str> = self.tensors().map(|tensor| tensor.name).collect();
        let missing = nearest_of_each(&missing, names.into_iter());
        IoError::Checkpoint { path: self.path().to_owned(), missing, mis_shaped, bad_dtype }
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
            let size = |name: &String| self.facts(name).map_or(0, |facts| facts.bytes as u64);
            let tensors = tensor.tensors();
            report.bytes += tensors.iter().map(size).sum::<u64>();
            used.extend(tensors);
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

impl LoadOptions {
    fn is_optional(&self, name: &str) -> bool {
        let inside = |module: &String| name.strip_prefix(module.as_str()).is_some_and(|r| r.starts_with('.'));
        self.allow_missing || self.optional.iter().any(inside)
    }
}

/// Why a checkpoint does not fill a module.
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
