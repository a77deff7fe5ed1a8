use ia3_guard::{quote, quote_error, quote_path};
use std::path::PathBuf;

use ia3_gguf::GgufError;
use ia3_torch::TorchError;
use safetensors::Dtype;

use crate::fs::FileError;

/// What can go wrong with a safetensors file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SafetensorsError {
    /// A file or folder cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A GGUF file is damaged, or its tensors are not known.
    #[error(transparent)]
    Gguf(Box<GgufError>),
    /// A file of `torch.save` is damaged, or holds more than tensors.
    #[error(transparent)]
    Torch(Box<TorchError>),
    /// The length of a safetensors header is beyond the format's limit.
    #[error(
        "the header of `{}` claims {length} bytes, more than the {limit} the format allows; is it a safetensors file?",
        quote_path(path)
    )]
    HeaderLength {
        /// The file.
        path: PathBuf,
        /// The length in the file.
        length: u64,
        /// The format's limit.
        limit: u64,
    },
    /// A file is shorter or longer than its header says.
    #[error(
        "`{}` has {found} bytes, expected {expected} by its header; it is {}, download or copy it again",
        quote_path(path), if found < expected { "truncated" } else { "longer than it should be" }
    )]
    FileLength {
        /// The file.
        path: PathBuf,
        /// Bytes by the header.
        expected: u64,
        /// Bytes of the file.
        found: u64,
    },
    /// The header of a safetensors file is malformed.
    #[error(
        "the header of `{}` is not a safetensors header{}: {source}; download or copy the file again",
        quote_path(path), tensor.as_ref().map(|t| format!(" at `{}`", quote(t))).unwrap_or_default(),
        source = quote_error(source)
    )]
    Header {
        /// The file.
        path: PathBuf,
        /// The entry that cannot be read.
        tensor: Option<String>,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The bytes of a tensor do not begin where those of the previous tensor end.
    #[error(
        "the tensor `{tensor}` of `{}` lies at bytes {}..{}, expected it to begin at {expected}; the file is damaged",
        quote_path(path), found.0, found.1,
        tensor = quote(tensor)
    )]
    TensorOffsets {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The end of the previous tensor.
        expected: usize,
        /// First and last byte by the header.
        found: (usize, usize),
    },
    /// A tensor has more or fewer bytes than its shape needs.
    #[error(
        "the tensor `{tensor}` of `{}` has {found} bytes, but {dtype} {shape:?} needs {}; the file is damaged",
        quote_path(path), expected.map_or_else(|| "a number of bytes that is not possible".to_string(), |n| n.to_string()),
        tensor = quote(tensor)
    )]
    TensorBytes {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its dtype.
        dtype: Dtype,
        /// Its shape.
        shape: Vec<usize>,
        /// The bytes that this needs; `None` if the number overflows or is not a whole number of bytes.
        expected: Option<usize>,
        /// The bytes it has.
        found: usize,
    },
    /// A tensor has a dtype that is not read as floats.
    #[error(
        "the tensor `{tensor}` of `{}` is {found}, expected F32, F16, BF16 or F64",
        quote_path(path),
        tensor = quote(tensor)
    )]
    TensorDtype {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its dtype.
        found: Dtype,
    },
    /// A tensor does not fit into memory.
    #[error(
        "the tensor `{tensor}` of `{}` does not fit into memory: {} values",
        quote_path(path), len,
        tensor = quote(tensor)
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The number of its values.
        len: usize,
    },
    /// A parameter has a dtype that safetensors cannot hold.
    #[error(
        "`{parameter}` is {dtype}, which a safetensors file cannot hold; dequantise or cast it first",
        parameter = quote(parameter),
        dtype = quote(dtype)
    )]
    ParameterDtype {
        /// The parameter.
        parameter: String,
        /// Its dtype.
        dtype: String,
    },
}

impl From<TorchError> for SafetensorsError {
    fn from(error: TorchError) -> Self {
        match error {
            TorchError::File(error) => Self::File(error),
            other => Self::Torch(Box::new(other)),
        }
    }
}

impl From<GgufError> for SafetensorsError {
    fn from(error: GgufError) -> Self {
        match error {
            GgufError::File(error) => Self::File(error),
            other => Self::Gguf(Box::new(other)),
        }
    }
}
