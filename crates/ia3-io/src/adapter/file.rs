//! An adapter folder as a value that does not depend on a model.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use ia3_config::Ia3Config;

use crate::adapter::AdapterFileError;
use crate::adapter::bin::{BIN, is_bin, read_bin};
use crate::adapter::keys::{self, Key};
use crate::fs::{FileError, Limit, file_names, read_text, wrong_kind};
use crate::safetensors::{Entry, TensorFile};

/// The name of the configuration in an adapter folder.
pub const CONFIG: &str = "adapter_config.json";
/// The name of the weights in an adapter folder.
pub const WEIGHTS: &str = "adapter_model.safetensors";

/// The content of PEFT's adapter folder, `adapter_config.json` and the weights, read and checked without a
/// model.
///
/// [`into_adapter`](Self::into_adapter) and [`load_adapter`](crate::load_adapter) fit it to a model.
#[derive(Clone, Debug)]
pub struct AdapterFile {
    /// The path of the weights.
    pub path: PathBuf,
    /// The configuration in the file, without changes.
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
    /// Reads an adapter folder. The path may be the folder, the file of its weights or its configuration.
    ///
    /// The weights are `adapter_model.safetensors`, or `adapter_model.bin` where there is no such file. The latter is read as data:
    /// a pickle that refers to anything but tensors is refused.
    ///
    /// Vectors may be float32, float16, bfloat16 or float64.
    ///
    /// # Errors
    ///
    /// [`FileError::NotFound`] and [`AdapterFileError::NoAdapter`] if there is none; [`FileError::WrongKind`] for a git-LFS
    /// pointer or a web page; [`AdapterFileError::Torch`] for a pickle that is not read; [`AdapterFileError::Config`] for the configuration; [`AdapterFileError::Key`], [`AdapterFileError::DuplicateVector`] and
    /// [`AdapterFileError::VectorForm`] for the tensors; [`AdapterFileError::Safetensors`] for a damaged file or another dtype.
    ///
    /// ```
    /// # use ia3_io::{AdapterFile, AdapterFileError, FileError};
    /// let error = AdapterFile::open("no/such/adapter").unwrap_err();
    /// assert!(matches!(error, AdapterFileError::File(FileError::NotFound { .. })));
    /// ```
    pub fn open(dir_or_file: impl AsRef<Path>) -> Result<Self, AdapterFileError> {
        let (config, weights) = locate(dir_or_file.as_ref())?;
        let config = read_config(&config)?;
        let mut adapter = Self::empty(weights, config);
        if is_bin(&adapter.path) {
            adapter.add_bin()?;
            return Ok(adapter);
        }
        let file = TensorFile::open(&adapter.path)?;
        file.tensors.iter().try_for_each(|(key, entry)| adapter.read(&file, key, entry))?;
        Ok(adapter)
    }

    fn read(&mut self, file: &TensorFile, key: &str, entry: &Entry) -> Result<(), AdapterFileError> {
        let values = || Ok(file.read_f32(key, entry)?);
        let data = || Ok(file.read(key, entry, entry.float_dtype(), false)?);
        self.insert_tensor(key, &entry.shape, values, data)
    }

    /// Adds the tensors of a file of `torch.save`. Parameters saved whole become float32.
    fn add_bin(&mut self) -> Result<(), AdapterFileError> {
        for (key, shape, values) in read_bin(&self.path)? {
            let data = || Ok(TensorData::new(values.clone(), shape.clone()));
            self.insert_tensor(&key, &shape, || Ok(values.clone()), data)?;
        }
        Ok(())
    }

    /// Adds a tensor under a key of PEFT's: for the vector of a module `values` is called, for a parameter saved whole
    /// `data`.
    ///
    /// # Errors
    ///
    /// [`AdapterFileError::Key`], [`AdapterFileError::DuplicateVector`], [`AdapterFileError::VectorForm`], and the error of the function called.
    pub fn insert_tensor(
        &mut self,
        key: &str,
        shape: &[usize],
        values: impl FnOnce() -> Result<Vec<f32>, AdapterFileError>,
        data: impl FnOnce() -> Result<TensorData, AdapterFileError>,
    ) -> Result<(), AdapterFileError> {
        match keys::parse(key) {
            Some(Key::Vector(module)) => {
                check_form(&self.path, key, shape)?;
                self.insert(key, module, FileVector { shape: shape.to_vec(), values: values()? })
            }
            Some(Key::Parameter(parameter)) => {
                self.saved.insert(parameter.to_string(), data()?);
                Ok(())
            }
            None => Err(AdapterFileError::Key { path: self.path.clone(), key: key.to_string() }),
        }
    }

    /// The number of its values: vectors and parameters saved whole.
    pub fn num_params(&self) -> usize {
        let saved: usize = self.saved.values().map(TensorData::num_elements).sum();
        self.vectors.values().map(|vector| vector.values.len()).sum::<usize>() + saved
    }

    /// An adapter without vectors.
    pub fn empty(path: PathBuf, config: Ia3Config) -> Self {
        Self { path, config, vectors: BTreeMap::new(), saved: BTreeMap::new() }
    }

    /// Adds the vector of a module, which was found under `key`.
    ///
    /// # Errors
    ///
    /// [`AdapterFileError::DuplicateVector`] if the module has a vector already.
    pub fn insert(&mut self, key: &str, module: &str, vector: FileVector) -> Result<(), AdapterFileError> {
        match self.vectors.insert(module.to_string(), vector) {
            None => Ok(()),
            Some(_) => {
                let (path, module) = (self.path.clone(), module.to_string());
                Err(AdapterFileError::DuplicateVector { path, module, key: key.to_string() })
            }
        }
    }
}

/// Refuses a tensor whose shape is not that of a vector.
fn check_form(path: &Path, key: &str, shape: &[usize]) -> Result<(), AdapterFileError> {
    match shape {
        [_, 1] | [1, _] | [1, _, 1, 1] | [1, _, 1, 1, 1] => Ok(()),
        _ => Err(AdapterFileError::VectorForm {
            path: path.to_owned(),
            key: key.to_string(),
            found: shape.to_vec(),
        }),
    }
}

/// The two files of an adapter.
fn locate(path: &Path) -> Result<(PathBuf, PathBuf), AdapterFileError> {
    if !path.exists() {
        return Err(FileError::NotFound { path: path.to_owned() }.into());
    }
    let is_config = path.file_name().is_some_and(|name| name == CONFIG);
    let (dir, weights) = match path.is_dir() {
        true => (path, weights_in(path)),
        false => {
            let dir = path.parent().unwrap_or(Path::new(""));
            (dir, if is_config { weights_in(dir) } else { path.to_owned() })
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

/// The weights in a folder; as in PEFT, a safetensors file comes first.
fn weights_in(dir: &Path) -> PathBuf {
    let names = [WEIGHTS, BIN].map(|name| dir.join(name));
    names.into_iter().find(|path| path.exists()).unwrap_or_else(|| dir.join(WEIGHTS))
}

fn no_adapter(dir: &Path, missing: &str) -> AdapterFileError {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let found = file_names(dir);
    let named = found.iter().filter(|name| dir.join(name).join(CONFIG).exists()).cloned().collect();
    AdapterFileError::NoAdapter { dir: dir.to_owned(), missing: missing.to_string(), found, named }
}

/// Reads `adapter_config.json`.
///
/// # Errors
///
/// [`AdapterFileError::File`], [`AdapterFileError::Config`].
pub fn read_config(path: &Path) -> Result<Ia3Config, AdapterFileError> {
    let text = read_text(path, Limit::CONFIG)?;
    Ia3Config::from_json(&text).map_err(|source| {
        wrong_kind(path, text.as_bytes()).map_or_else(
            || AdapterFileError::Config { path: path.to_owned(), source },
            AdapterFileError::from,
        )
    })
}
