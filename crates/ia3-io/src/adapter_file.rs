//! An adapter folder as a value, before it meets a model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use ia3_config::Ia3Config;

use crate::error::IoError;
use crate::names::{self, Key};
use crate::read;
use crate::tensor_file::{Entry, TensorFile};

pub(crate) const CONFIG: &str = "adapter_config.json";
pub(crate) const WEIGHTS: &str = "adapter_model.safetensors";

/// What PEFT's adapter folder holds: `adapter_config.json` and `adapter_model.safetensors`, read and checked
/// without a model.
///
/// [`into_adapter`](Self::into_adapter) or [`load_adapter`](crate::load_adapter) fits it to one.
#[derive(Clone, Debug)]
pub struct AdapterFile {
    /// The path of the safetensors file.
    pub path: PathBuf,
    /// The configuration as it stands in the file.
    pub config: Ia3Config,
    /// The vectors by module path, such as `encoder.block.0.layer.0.SelfAttention.k`.
    pub vectors: BTreeMap<String, FileVector>,
    /// Whole parameters (`modules_to_save`) by Hugging Face's parameter path, such as `classifier.weight`, as
    /// Hugging Face stores them: float32, float16 or bfloat16, a linear weight `[d_out, d_in]`.
    pub saved: BTreeMap<String, TensorData>,
}

/// One vector of an adapter file.
#[derive(Clone, Debug, PartialEq)]
pub struct FileVector {
    /// The shape in the file: `[n, 1]` on an output, `[1, n]` on an input, `[1, n, 1, 1]` and `[1, n, 1, 1, 1]` for
    /// convolutions.
    pub shape: Vec<usize>,
    /// The values, cast to float32; they may be NaN or infinite, see [`VectorStats`](crate::VectorStats).
    pub values: Vec<f32>,
}

impl AdapterFile {
    /// Reads an adapter folder, or the adapter whose safetensors file is given.
    ///
    /// Vectors may be float32, float16, bfloat16 or float64.
    ///
    /// # Errors
    ///
    /// [`IoError::NotFound`] and [`IoError::NoAdapter`] where there is none; [`IoError::Foreign`] for a pickle, a
    /// git-LFS pointer or a web page; [`IoError::Config`] for the configuration; [`IoError::Key`],
    /// [`IoError::DuplicateVector`], [`IoError::VectorForm`] and [`IoError::TensorDtype`] for the tensors; and the
    /// errors of a damaged safetensors file.
    ///
    /// ```
    /// # use ia3_io::{AdapterFile, IoError};
    /// let error = AdapterFile::open("no/such/adapter").unwrap_err();
    /// assert!(matches!(error, IoError::NotFound { .. }));
    /// ```
    pub fn open(dir_or_file: impl AsRef<Path>) -> Result<Self, IoError> {
        let (config, weights) = locate(dir_or_file.as_ref())?;
        let config = read_config(&config)?;
        let file = TensorFile::open(&weights)?;
        let mut adapter = Self::empty(weights, config);
        file.tensors.iter().try_for_each(|(key, entry)| adapter.read(&file, key, entry))?;
        Ok(adapter)
    }

    fn read(&mut self, file: &TensorFile, key: &str, entry: &Entry) -> Result<(), IoError> {
        let values = || file.values(key, entry, false);
        let data = || file.read(key, entry, entry.float_dtype(), false);
        self.insert_tensor(key, &entry.shape, values, data)
    }

    /// Adds the tensor under a key of PEFT's: the vector of a module by its `values`, or a parameter saved whole by its
    /// `data`. What is not needed is not read.
    pub(crate) fn insert_tensor(
        &mut self,
        key: &str,
        shape: &[usize],
        values: impl FnOnce() -> Result<Vec<f32>, IoError>,
        data: impl FnOnce() -> Result<TensorData, IoError>,
    ) -> Result<(), IoError> {
        match names::parse(key) {
            Some(Key::Vector(module)) => {
                check_form(&self.path, key, shape)?;
                self.insert(key, module, FileVector { shape: shape.to_vec(), values: values()? })
            }
            Some(Key::Parameter(parameter)) => {
                self.saved.insert(parameter.to_string(), data()?);
                Ok(())
            }
            None => Err(IoError::Key { path: self.path.clone(), key: key.to_string() }),
        }
    }

    /// The number of its values: vectors and parameters saved whole.
    pub fn num_params(&self) -> usize {
        let saved: usize = self.saved.values().map(TensorData::num_elements).sum();
        self.vectors.values().map(|vector| vector.values.len()).sum::<usize>() + saved
    }

    /// An adapter without a vector yet.
    pub(crate) fn empty(path: PathBuf, config: Ia3Config) -> Self {
        Self { path, config, vectors: BTreeMap::new(), saved: BTreeMap::new() }
    }

    /// Adds the vector under `key`, of which there may be one for each module.
    pub(crate) fn insert(&mut self, key: &str, module: &str, vector: FileVector) -> Result<(), IoError> {
        match self.vectors.insert(module.to_string(), vector) {
            None => Ok(()),
            Some(_) => {
                let (path, module) = (self.path.clone(), module.to_string());
                Err(IoError::DuplicateVector { path, module, key: key.to_string() })
            }
        }
    }

    /// Adds a vector of a format that has them on outputs only, as columns.
    pub(crate) fn insert_output(
        &mut self,
        key: &str,
        module: &str,
        vector: FileVector,
    ) -> Result<(), IoError> {
        match *vector.shape {
            [n, 1] if n > 0 => self.insert(key, module, vector),
            _ => {
                let (path, found) = (self.path.clone(), vector.shape);
                Err(IoError::ColumnForm { path, key: key.to_string(), found })
            }
        }
    }
}

/// Refuses what has no shape of a vector.
fn check_form(path: &Path, key: &str, shape: &[usize]) -> Result<(), IoError> {
    match shape {
        [_, 1] | [1, _] | [1, _, 1, 1] | [1, _, 1, 1, 1] => Ok(()),
        _ => Err(IoError::VectorForm { path: path.to_owned(), key: key.to_string(), found: shape.to_vec() }),
    }
}

/// The two files of an adapter.
fn locate(path: &Path) -> Result<(PathBuf, PathBuf), IoError> {
    if !path.exists() {
        return Err(IoError::NotFound { path: path.to_owned() });
    }
    let is_config = path.file_name().is_some_and(|name| name == CONFIG);
    let (dir, weights) = match path.is_dir() {
        true => (path, path.join(WEIGHTS)),
        false => {
            let dir = path.parent().unwrap_or(Path::new(""));
            (dir, if is_config { dir.join(WEIGHTS) } else { path.to_owned() })
        }
    };
    let config = dir.join(CONFIG);
    if !config.exists() {
        return Err(no_adapter(dir, CONFIG));
    }
    if !weights.exists() {
        return Err(no_adapter(dir, WEIGHTS));
    }
    Ok((config, weights))
}

fn no_adapter(dir: &Path, missing: &str) -> IoError {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let found = read::listing(dir);
    let named = found.iter().filter(|name| dir.join(name).join(CONFIG).exists()).cloned().collect();
    IoError::NoAdapter { dir: dir.to_owned(), missing: missing.to_string(), found, named }
}

pub(crate) fn read_config(path: &Path) -> Result<Ia3Config, IoError> {
    let text = read::text(path)?;
    Ia3Config::from_json(&text).map_err(|source| {
        read::not_json(path, text.as_bytes())
            .unwrap_or_else(|| IoError::Config { path: path.to_owned(), source })
    })
}
