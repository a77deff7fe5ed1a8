//! Fitting an adapter file to a model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::{DType, Device, Tensor, TensorData};
use ia3_config::{ConfigError, Ia3Config, ModelInfo, PlanOptions, Site};
use ia3_core::{Adapter, Ia3Vector};

use crate::adapter::file::{AdapterFile, CONFIG, FileVector};
use crate::adapter::{AdapterFileError, AdapterReport, modules_to_save};
use crate::missing::nearest_of_each;

/// Reads PEFT's adapter folder for the model that `base` describes, see [`model_info`](ia3_core::model_info).
///
/// # Errors
///
/// As [`AdapterFile::open`] and [`AdapterFile::into_adapter`], and [`AdapterFileError::Mismatch`] if the vectors and
/// the layers that the configuration selects are not the same.
pub fn load_adapter(
    dir: impl AsRef<Path>,
    base: &ModelInfo,
    device: &Device,
) -> Result<Adapter, AdapterFileError> {
    AdapterFile::open(dir)?.into_whole_adapter(base, device)
}

/// The error for layers without a vector and vectors without a layer.
pub(crate) fn mismatch(
    path: PathBuf,
    missing: &[String],
    unexpected: &[String],
    base: &ModelInfo,
) -> AdapterFileError {
    let layers = base.modules.iter().filter(|m| m.kind.is_adaptable()).map(|m| m.path.as_str());
    let nearest_missing = nearest_of_each(missing, unexpected.iter().map(String::as_str));
    let unexpected = nearest_of_each(unexpected, layers);
    AdapterFileError::Mismatch { path, missing: nearest_missing, unexpected }
}

impl AdapterFile {
    /// Fits the file to a model as [`into_adapter`](Self::into_adapter) does, and refuses a file that does not fit exactly.
    ///
    /// # Errors
    ///
    /// As [`into_adapter`](Self::into_adapter), and [`AdapterFileError::Mismatch`] if the vectors and the
    /// layers that the configuration selects are not the same.
    pub fn into_whole_adapter(self, base: &ModelInfo, device: &Device) -> Result<Adapter, AdapterFileError> {
        let path = self.path.clone();
        let (adapter, report) = self.into_adapter(base, device)?;
        if report.is_complete() {
            return Ok(adapter);
        }
        Err(mismatch(path, &report.missing, &report.unexpected, base))
    }

    /// Fits the file to the model that `base` describes. The report lists layers without a vector and vectors without a
    /// layer, which PEFT does not report.
    ///
    /// The configuration decides what each vector multiplies. As in PEFT, a name in it may match no layer. The vectors are
    /// float32 on `device`; parameters saved whole get burn's layout.
    ///
    /// # Errors
    ///
    /// [`AdapterFileError::Plan`] if the configuration reaches no layer of the base, [`AdapterFileError::VectorShape`] and
    /// [`AdapterFileError::SavedShape`] for a tensor of another size.
    pub fn into_adapter(
        self,
        base: &ModelInfo,
        device: &Device,
    ) -> Result<(Adapter, AdapterReport), AdapterFileError> {
        let Self { path, config, mut vectors, saved } = self;
        let plan = config.plan_with(base, PlanOptions::new().with_allow_unmatched(true));
        let plan = plan.map_err(|source| plan_error(&path, source))?;
        let mut report = AdapterReport::default();
        let mut loaded = BTreeMap::new();
        for site in &plan.sites {
            match vectors.remove(&site.path) {
                None => report.missing.push(site.path.clone()),
                Some(vector) => {
                    loaded.insert(site.path.clone(), fit(vector, site, device, &path)?);
                    report.loaded.push(site.path.clone());
                }
            }
        }
        report.unexpected.extend(vectors.into_keys());
        let saved = fit_saved(saved, &plan.config, base, &path, &mut report)?;
        report.missing.extend(plan.modules_to_save.iter().filter(|m| !has_parameter(&saved, m)).cloned());
        Ok((Adapter { config: plan.config, vectors: loaded, saved: saved.into() }, report))
    }
}

/// The error for a plan that failed: an invalid pattern is an error of the configuration, everything else is a mismatch
/// between adapter and base.
pub(crate) fn plan_error(path: &Path, source: ConfigError) -> AdapterFileError {
    use ConfigError::{InvalidPattern, PatternTooLong, PatternTooSlow, UnsupportedPattern};
    match source {
        InvalidPattern { .. } | PatternTooLong { .. } | PatternTooSlow { .. } | UnsupportedPattern { .. } => {
            AdapterFileError::Config { path: path.with_file_name(CONFIG), source }
        }
        source => AdapterFileError::Plan { path: path.to_owned(), source },
    }
}

/// Checks that a vector has the shape that its layer needs in a file.
pub(crate) fn check_shape(vector: &FileVector, site: &Site, path: &Path) -> Result<(), AdapterFileError> {
    let expected = site.file_shape();
    match vector.shape == expected {
        true => Ok(()),
        false => Err(AdapterFileError::VectorShape {
            path: path.to_owned(),
            module: site.path.clone(),
            placement: site.placement,
            expected,
            found: vector.shape.clone(),
        }),
    }
}

fn fit(vector: FileVector, site: &Site, device: &Device, path: &Path) -> Result<Ia3Vector, AdapterFileError> {
    check_shape(&vector, site, path)?;
    let device = device.clone().without_autodiff();
    let values = TensorData::new(vector.values, [site.len]);
    let vector = Ia3Vector::new(Tensor::from_data(values, (&device, DType::F32)), site.placement);
    Ok(vector.with_weight_rank(site.kind.weight_rank()))
}

/// The parameters saved whole, in burn's layout.
///
/// A tied head outside of `modules_to_save`, which PEFT's `save_embedding_layers` writes beside the embedding, is the
/// embedding.
fn fit_saved(
    saved: BTreeMap<String, TensorData>,
    config: &Ia3Config,
    base: &ModelInfo,
    path: &Path,
    report: &mut AdapterReport,
) -> Result<BTreeMap<String, TensorData>, AdapterFileError> {
    let (mut fitted, mut of_embeddings) = (BTreeMap::new(), BTreeMap::new());
    let modules = config.saved_modules();
    for (parameter, data) in saved {
        let Some(place) = modules_to_save::to_burn(&parameter, base) else {
            report.unexpected.push(parameter);
            continue;
        };
        let found = data.shape().to_vec();
        if let Some(expected) = place.shape.clone().filter(|expected| *expected != found) {
            return Err(AdapterFileError::SavedShape { path: path.to_owned(), parameter, expected, found });
        }
        let embedding = place.module().and_then(|module| base.tied_to(module));
        if let Some(embedding) = embedding.filter(|_| !modules.hold(&place.path)) {
            of_embeddings.insert(format!("{embedding}.weight"), data);
            continue;
        }
        let data = if place.transposed { modules_to_save::transpose(data) } else { data };
        fitted.insert(place.path, data);
    }
    fitted.extend(of_embeddings);
    Ok(fitted)
}

fn has_parameter(saved: &BTreeMap<String, TensorData>, module: &str) -> bool {
    saved.keys().any(|path| path.strip_prefix(module).is_some_and(|rest| rest.starts_with('.')))
}
