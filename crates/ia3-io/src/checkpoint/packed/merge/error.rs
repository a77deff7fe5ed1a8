use std::path::PathBuf;

use ia3_guard::{quote, quote_path};

use crate::adapter::AdapterFileError;
use crate::checkpoint::CheckpointError;
use crate::fs::FileError;
use crate::safetensors::SafetensorsError;

/// Why an adapter cannot be merged into weights that another program quantised.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackedMergeError {
    /// The base.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The adapter.
    #[error(transparent)]
    Adapter(#[from] AdapterFileError),
    /// The merged folder cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The base is not a folder with quantised weights of another program.
    #[error(
        "`{}` is not a folder with weights that GPTQ, AWQ, bitsandbytes or torchao quantised; merge into floats in the usual way",
        quote_path(path)
    )]
    NotPacked {
        /// The base.
        path: PathBuf,
    },
    /// The folder to write is that of the base.
    #[error(
        "`{}` is the folder of the base, which would be destroyed; write into another folder",
        quote_path(path)
    )]
    SameFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The base is the result of a merge.
    #[error(
        "`{}` already has adapters merged into it ({}); merge all adapters at once into the folder that it was made from \
         (SHA-256 {}), because merging twice rounds twice",
        quote_path(path),
        quote(adapters),
        quote(base)
    )]
    AlreadyMerged {
        /// The file.
        path: PathBuf,
        /// The hashes of the adapters.
        adapters: String,
        /// The hash of the file that they were merged into.
        base: String,
    },
    /// The adapter replaces whole parameters.
    #[error(
        "the adapter `{}` replaces whole parameters (modules_to_save), which cannot be merged into quantised weights: {parameters}",
        quote_path(path)
    )]
    Saved {
        /// The weights of the adapter.
        path: PathBuf,
        /// The parameters.
        parameters: String,
    },
    /// A vector holds NaN or infinity.
    #[error("the vector of `{}` holds {value} at {at}; values must be finite", quote(module))]
    NotFinite {
        /// The layer.
        module: String,
        /// Where.
        at: usize,
        /// The value.
        value: f32,
    },
    /// The weight of a layer is not in the base.
    #[error(
        "the adapter scales `{}`, but `{}` has no tensor `{}`{}",
        quote(module), quote_path(path), quote(tensor),
        if module == "lm_head" { ": its head is the embedding, which cannot be scaled alone" } else { "" }
    )]
    NoWeight {
        /// The layer.
        module: String,
        /// The base.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A weight has another shape than the layer.
    #[error(
        "the weight `{}` has {found} {side}, but the adapter scales {expected}; was it trained on another model?",
        quote(tensor)
    )]
    Shape {
        /// The weight.
        tensor: String,
        /// `outputs` or `inputs`.
        side: &'static str,
        /// That of the weight.
        found: usize,
        /// That of the vector.
        expected: usize,
    },
    /// Inputs that share a scale have different factors.
    #[error(
        "the adapter scales inputs of `{}`, whose weight is quantised, so that inputs share scales; it is not exact to merge \
         it. Train with targets whose outputs are scaled, or merge into the float model and quantise the result",
        quote(module)
    )]
    InputVector {
        /// The layer.
        module: String,
    },
    /// Outputs that share a scale have different factors.
    #[error(
        "the blocks of {block} values of `{}` are no parts of its rows of {inputs}, so that outputs with different factors \
         share a scale; merge into the float model and quantise the result",
        quote(tensor)
    )]
    SharedScale {
        /// The weight.
        tensor: String,
        /// The number of values of a block.
        block: usize,
        /// The number of values of a row.
        inputs: usize,
    },
    /// A negative factor of a layer behind a ReLU would change the sign of an integer that has no opposite.
    #[error(
        "the adapter changes the sign of input {column} of `{}`, and {why}; merge into the float model and quantise the result",
        quote(module)
    )]
    Sign {
        /// The layer.
        module: String,
        /// The input.
        column: usize,
        /// Why an integer has no opposite.
        why: &'static str,
    },
    /// A product leaves the range of its type.
    #[error(
        "the tensor `{}` holds the number {number}, and {number} times the factor {factor} is {product}, which its type \
         cannot hold",
        quote(tensor)
    )]
    Range {
        /// The tensor.
        tensor: String,
        /// The number in the file.
        number: f64,
        /// The factor.
        factor: f32,
        /// The product.
        product: f64,
    },
}

impl PackedMergeError {
    /// Whether the weight can be merged into if its integers are computed anew.
    pub fn is_rounding(&self) -> bool {
        matches!(self, Self::InputVector { .. } | Self::SharedScale { .. } | Self::Sign { .. })
    }
}

impl From<SafetensorsError> for PackedMergeError {
    fn from(error: SafetensorsError) -> Self {
        Self::Checkpoint(error.into())
    }
}
