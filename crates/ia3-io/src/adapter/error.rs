use ia3_guard::{quote, quote_path};
use std::path::PathBuf;

use ia3_config::{ConfigError, Placement};
use ia3_core::{NonFinite, describe_non_finite};
use ia3_torch::TorchError;

use crate::adapter::advice::*;
use crate::fs::FileError;
use crate::missing::Missing;
use crate::safetensors::SafetensorsError;
use crate::text::{count, first_few_quoted, found_names};

/// What can go wrong when an adapter is read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdapterFileError {
    /// A file or folder cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A safetensors file is damaged or has an unsupported dtype.
    #[error(transparent)]
    Safetensors(SafetensorsError),
    /// An `adapter_model.bin` is damaged, or holds more than tensors.
    #[error(transparent)]
    Torch(Box<TorchError>),
    /// A folder holds no adapter.
    #[error(
        "`{}` holds no adapter: `{missing}` is missing, found {}; an adapter is a folder with \
         adapter_config.json and adapter_model.safetensors{}",
        quote_path(dir), found_names(found), adapter_advice(found, named),
        missing = quote(missing)
    )]
    NoAdapter {
        /// The folder.
        dir: PathBuf,
        /// The file that is missing.
        missing: String,
        /// What the folder holds.
        found: Vec<String>,
        /// Sub-folders that hold an adapter.
        named: Vec<String>,
    },
    /// `adapter_config.json` is not an (IA)³ configuration.
    #[error("`{}`: {source}", quote_path(path))]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: ConfigError,
    },
    /// The configuration of an adapter does not fit the base.
    #[error(
        "the adapter `{}` does not fit the base: {source}; was it trained on another base?",
        quote_path(path)
    )]
    Plan {
        /// The file of the adapter.
        path: PathBuf,
        /// What does not fit.
        #[source]
        source: ConfigError,
    },
    /// A key of an adapter file has another form than PEFT's.
    #[error(
        "the key `{key}` of `{}` has another form than PEFT's, expected `base_model.model.<module path>.ia3_l`, \
         or `base_model.model.<parameter path>` for a parameter saved whole",
        quote_path(path),
        key = quote(key)
    )]
    Key {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// Two keys of an adapter file name the same vector.
    #[error(
        "`{}` holds two vectors of `{module}`, the second under `{key}`; save each adapter in a folder of its own",
        quote_path(path),
        module = quote(module),
        key = quote(key)
    )]
    DuplicateVector {
        /// The file.
        path: PathBuf,
        /// The module.
        module: String,
        /// The second key.
        key: String,
    },
    /// The tensor under the key of a vector does not have the shape of a vector.
    #[error(
        "the vector `{key}` of `{}` has shape {found:?}, expected [n, 1] on an output or [1, n] on an input{}",
        quote_path(path), if found.len() == 1 { "; it is flattened, reshape it" } else { "" },
        key = quote(key)
    )]
    VectorForm {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Its shape.
        found: Vec<usize>,
    },
    /// A vector has another shape than its layer in the base needs.
    #[error(
        "the vector of `{module}` in `{}` has shape {found:?}, expected {expected:?} on the {placement} of that layer; {}",
        quote_path(path), shape_advice(expected, found),
        module = quote(module)
    )]
    VectorShape {
        /// The file.
        path: PathBuf,
        /// The module.
        module: String,
        /// What the configuration says the vector multiplies.
        placement: Placement,
        /// The shape for the layer.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// The vectors of an adapter are not those that its configuration selects on the base.
    #[error(
        "the adapter `{}` does not fit the base: {}; was it trained on another base?",
        quote_path(path), absences(&[(missing, "layer", "without a vector"), (unexpected, "tensor", "not asked for")])
    )]
    Mismatch {
        /// The file of the adapter.
        path: PathBuf,
        /// Layers that should have a vector, and modules that should be saved whole.
        missing: Vec<Missing>,
        /// Vectors without a layer, and parameters that the base does not have.
        unexpected: Vec<Missing>,
    },
    /// An adapter file holds no vector.
    #[error(
        "`{}` holds no vector of a PEFT folder (a key that ends in `.ia3_l`), found {}",
        quote_path(path),
        found_names(found)
    )]
    NoVectors {
        /// The file.
        path: PathBuf,
        /// The keys that the file has.
        found: Vec<String>,
    },
    /// The configuration of an adapter does not select vectors that its file holds.
    #[error(
        "`{}` holds {} that its configuration does not select ({})",
        quote_path(path), count(modules.len(), "vector"), first_few_quoted(modules)
    )]
    NotSelected {
        /// The file.
        path: PathBuf,
        /// The modules of the vectors.
        modules: Vec<String>,
    },
    /// A parameter saved whole has another shape than in the base.
    #[error(
        "the parameter `{parameter}` in `{}` has shape {found:?}, expected {expected:?}; was the adapter trained on \
         another base?",
        quote_path(path),
        parameter = quote(parameter)
    )]
    SavedShape {
        /// The file of the adapter.
        path: PathBuf,
        /// The parameter, as Hugging Face names it.
        parameter: String,
        /// The shape in the base, as Hugging Face stores it.
        expected: Vec<usize>,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// The layout of a parameter saved whole depends on its layer, which is not known.
    #[error(
        "cannot tell how Hugging Face stores `{parameter}`: its layer is not known; pass the model's facts in \
         `AdapterOptions::base`",
        parameter = quote(parameter)
    )]
    UnknownLayout {
        /// The parameter.
        parameter: String,
    },
    /// An adapter name that PEFT does not allow, or that a folder cannot have.
    #[error(
        "`{name}` is not a valid adapter name: expected a name that is not empty, is not `__base__`, and has no `.`, `/` or `\\`",
        name = quote(name)
    )]
    AdapterName {
        /// The name.
        name: String,
    },
    /// An adapter to save holds values that are NaN or infinite.
    #[error("the adapter was not written: {}", describe_non_finite(tensors))]
    NotFinite {
        /// The vectors and parameters.
        tensors: Vec<NonFinite>,
    },
    /// Two adapters that are to be saved have one name.
    #[error("two adapters are named `{name}`; give each a name of its own", name = quote(name))]
    DuplicateAdapter {
        /// The name.
        name: String,
    },
}

impl From<TorchError> for AdapterFileError {
    fn from(error: TorchError) -> Self {
        match error {
            TorchError::File(error) => Self::File(error),
            other => Self::Torch(Box::new(other)),
        }
    }
}

impl From<SafetensorsError> for AdapterFileError {
    fn from(error: SafetensorsError) -> Self {
        match error {
            SafetensorsError::File(error) => Self::File(error),
            other => Self::Safetensors(other),
        }
    }
}
