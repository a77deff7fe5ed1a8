use ia3_guard::{quote, quote_debug, quote_error, quote_path};
use std::path::PathBuf;

use ia3_core::NonFinite;
use ia3_core::QuantizationError;
use safetensors::Dtype;

use crate::checkpoint::problems::*;
use crate::fs::FileError;
use crate::missing::{Missing, closest};
use crate::safetensors::SafetensorsError;
use crate::text::{first_few_quoted, found_names};

/// What can go wrong when a checkpoint is read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// A file or folder cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A safetensors file is damaged or has an unsupported dtype.
    #[error(transparent)]
    Safetensors(SafetensorsError),
    /// A folder holds no weights that can be read.
    #[error(
        "`{}` holds no model.safetensors, no pytorch_model.bin and no index of shards, found {}{}",
        quote_path(dir),
        found_names(found),
        checkpoint_advice(found)
    )]
    NoCheckpoint {
        /// The folder.
        dir: PathBuf,
        /// What the folder holds.
        found: Vec<String>,
    },
    /// There is no tensor of that name.
    #[error("`{}` has no tensor `{}`{}", quote_path(path), quote(&tensor.name), closest(&tensor.nearest))]
    NoTensor {
        /// The file or folder.
        path: PathBuf,
        /// The name asked for.
        tensor: Missing,
    },
    /// A checkpoint does not have the tensors of the model.
    #[error(
        "`{}` does not fit the model: {}; is it of this architecture and size?",
        quote_path(path),
        checkpoint_problems(missing, mis_shaped, bad_dtype)
    )]
    Mismatch {
        /// The checkpoint.
        path: PathBuf,
        /// Parameters without a tensor.
        missing: Vec<Missing>,
        /// Tensors of another shape.
        mis_shaped: Vec<MisShaped>,
        /// Tensors of a dtype that is not read as floats.
        bad_dtype: Vec<BadDtype>,
    },
    /// Weights cannot be loaded as this dtype.
    #[error(
        "cannot load weights as {found}, expected F32, F16 or BF16 in `LoadOptions::dtype`",
        found = quote(found)
    )]
    LoadDtype {
        /// The dtype asked for.
        found: String,
    },
    /// The device has no tensors of that dtype.
    #[error(
        "`{tensor}` is {dtype}, which the device {device} does not have; cast it with `LoadOptions::dtype`",
        tensor = quote(tensor),
        dtype = quote(dtype),
        device = quote(device)
    )]
    DeviceDtype {
        /// The first such tensor.
        tensor: String,
        /// Its dtype.
        dtype: String,
        /// The device.
        device: String,
    },
    /// A tensor to save holds values that are NaN or infinite.
    #[error("`{}` was not written: {tensor}", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: NonFinite,
    },
    /// The index of a sharded checkpoint is not what Hugging Face writes.
    #[error("`{}` is not an index of shards: {source}", quote_path(path), source = quote_error(source))]
    Index {
        /// The index.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// An index names a shard outside of its folder.
    #[error(
        "`{}` names the shard {shard}, expected the name of a file in the same folder",
        quote_path(path),
        shard = quote_debug(shard)
    )]
    ShardPath {
        /// The index.
        path: PathBuf,
        /// The shard.
        shard: String,
    },
    /// A shard is missing.
    #[error(
        "`{}` names shards that are missing: {}; download the rest of the checkpoint",
        quote_path(path),
        first_few_quoted(shards)
    )]
    MissingShards {
        /// The index.
        path: PathBuf,
        /// The shards.
        shards: Vec<String>,
    },
    /// `config.json` of a model is not a JSON object.
    #[error(
        "`{}` is not the configuration of a model: {source}",
        quote_path(path),
        source = quote_error(source)
    )]
    ModelConfig {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The weights of a model are quantised in an unsupported way.
    #[error(
        "`quantization_config.{field}` of `{}` is {found}, expected {expected}",
        quote_path(path),
        found = quote(found)
    )]
    QuantizationConfig {
        /// `config.json`.
        path: PathBuf,
        /// The field.
        field: &'static str,
        /// Its value, in JSON.
        found: String,
        /// The supported values, and what to do otherwise.
        expected: &'static str,
    },
    /// A checkpoint holds quantised weights that its `config.json` does not announce.
    #[error(
        "`{}` holds the quantised weight `{tensor}`, but `quantization_config` in the config.json beside it {}; copy \
         the config.json that was saved with it",
        quote_path(path), if *other { "announces another format or number of bits" } else { "does not announce it" },
        tensor = quote(tensor)
    )]
    Unannounced {
        /// The checkpoint.
        path: PathBuf,
        /// The first such tensor.
        tensor: String,
        /// Whether it announces another format or number of bits.
        other: bool,
    },
    /// The integers or the scales of a quantised weight have another dtype or shape than its layer needs.
    #[error(
        "the tensor `{tensor}` of `{}` is {dtype} {shape:?}, expected {expected}",
        quote_path(path),
        tensor = quote(tensor),
        expected = quote(expected)
    )]
    QuantizedTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its dtype.
        dtype: Dtype,
        /// Its shape.
        shape: Vec<usize>,
        /// Dtype and shape for the layer.
        expected: String,
    },
    /// A quantised weight cannot be used.
    #[error("the tensor `{tensor}` of `{}`: {source}", quote_path(path), tensor = quote(tensor))]
    QuantizedWeight {
        /// The file.
        path: PathBuf,
        /// The tensor of its integers.
        tensor: String,
        /// What is wrong.
        #[source]
        source: Box<QuantizationError>,
    },
    /// The content of a tensor of a weight that another program quantised cannot be used.
    #[error(
        "the tensor `{tensor}` of `{}` {problem}; download or copy it again, or take the float model",
        quote_path(path),
        tensor = quote(tensor),
        problem = quote(problem)
    )]
    PackedTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// What is wrong with it.
        problem: String,
    },
    /// `quantization_config` announces quantised weights, and the checkpoint holds none.
    #[error(
        "`quantization_config` in the config.json of `{}` announces quantised weights, but the checkpoint holds none; remove it \
         if the weights are floats, or copy the weights that were saved with it",
        quote_path(path)
    )]
    NotPacked {
        /// The checkpoint.
        path: PathBuf,
    },
    /// A checkpoint to quantise is quantised already.
    #[error("the weights of `{}` are quantised already; quantise the float model", quote_path(path))]
    AlreadyQuantized {
        /// The checkpoint.
        path: PathBuf,
    },
    /// The integers of another program are to be kept, and there are none that can be.
    #[error(
        "`{}` holds no weight of a linear layer whose integers can be kept{}; load it without keeping them (`--keep-quantized`, \
         `with_keep_quantized`), as floats or with this library's own quantisation",
        quote_path(path),
        if decoded.is_empty() { String::new() } else { format!(" (quantised otherwise: {})", first_few_quoted(decoded)) }
    )]
    NothingKept {
        /// The checkpoint.
        path: PathBuf,
        /// The weights that another program quantised.
        decoded: Vec<String>,
    },
    /// The integers of another program are to be kept, and the weights are to be quantised too.
    #[error(
        "the weights of `{}` cannot be quantised while the integers of another program are kept; choose one of both",
        quote_path(path)
    )]
    KeptAndQuantized {
        /// The checkpoint.
        path: PathBuf,
    },
    /// The model carries adapter vectors, which a checkpoint cannot hold.
    #[error(
        "`{parameter}` carries adapter vectors, which a checkpoint cannot hold; merge the adapter first",
        parameter = quote(parameter)
    )]
    Attached {
        /// The parameter.
        parameter: String,
    },
    /// The folder already holds weights.
    #[error(
        "`{}` exists already; write into another folder, or set `CheckpointOptions::overwrite`",
        quote_path(path)
    )]
    Exists {
        /// The file in the way.
        path: PathBuf,
    },
    /// The folder to write into is that of the base.
    #[error(
        "`{}` is the folder of the base, which would be destroyed; write into another folder",
        quote_path(dir)
    )]
    SameFolder {
        /// The folder.
        dir: PathBuf,
    },
}

impl From<SafetensorsError> for CheckpointError {
    fn from(error: SafetensorsError) -> Self {
        match error {
            SafetensorsError::File(error) => Self::File(error),
            other => Self::Safetensors(other),
        }
    }
}
