use ia3_guard::{quote, quote_error, quote_path};
use std::path::PathBuf;

use ia3_config::Placement;
use ia3_io::fs::FileError;
use ia3_io::safetensors::SafetensorsError;
use ia3_io::text::{count, first_few_quoted, found_names};
use ia3_io::{AdapterFileError, CheckpointError};

use crate::format::AdapterFormat;
use ia3_torch::TorchError;

/// What can go wrong when an adapter is converted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// A file or folder cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A safetensors file is damaged or has an unsupported dtype.
    #[error(transparent)]
    Safetensors(#[from] SafetensorsError),
    /// An adapter in PEFT's format cannot be read or written.
    #[error(transparent)]
    Adapter(AdapterFileError),
    /// A file of `torch.save` cannot be read.
    #[error(transparent)]
    Torch(TorchError),
    /// A file holds no vector of the format it should have.
    #[error(
        "`{}` holds no vector of {} (a key that ends in `{suffix}`), found {}",
        quote_path(path), format.with_article(), found_names(found)
    )]
    NoVectors {
        /// The file.
        path: PathBuf,
        /// The format.
        format: AdapterFormat,
        /// The end of a vector's key.
        suffix: &'static str,
        /// The keys that the file has.
        found: Vec<String>,
    },
    /// A tensor does not belong to an (IA)³ adapter.
    #[error(
        "`{key}` of `{}` is {what}, which an (IA)³ adapter does not have",
        quote_path(path),
        key = quote(key)
    )]
    NotIa3 {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What it is.
        what: &'static str,
    },
    /// A vector of an adapter has more than one column.
    #[error(
        "the vector `{key}` of `{}` has shape {found:?}, expected [n, 1]: one number for each output",
        quote_path(path),
        key = quote(key)
    )]
    ColumnForm {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Its shape.
        found: Vec<usize>,
    },
    /// The configuration of an AdapterHub adapter cannot be read.
    #[error(
        "`{}` is not the configuration of an AdapterHub adapter: {source}",
        quote_path(path),
        source = quote_error(source)
    )]
    AdapterHubConfig {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// An AdapterHub adapter is not an (IA)³ adapter, or has additions that PEFT does not have.
    #[error(
        "`{}`: `{field}` is {found}, expected {expected}: not a plain (IA)³ adapter",
        quote_path(path),
        found = quote(found)
    )]
    AdapterHubField {
        /// The file.
        path: PathBuf,
        /// The field of `config`.
        field: &'static str,
        /// The value of (IA)³.
        expected: &'static str,
        /// The value there.
        found: String,
    },
    /// A folder holds the configuration of an AdapterHub adapter without its weights.
    #[error(
        "`{}` holds no AdapterHub adapter: pytorch_adapter.bin and adapter.safetensors are missing, found {}",
        quote_path(dir),
        found_names(found)
    )]
    NoAdapterHub {
        /// The folder.
        dir: PathBuf,
        /// What the folder holds.
        found: Vec<String>,
    },
    /// No lists of names select exactly the vectors with their placements.
    #[error(
        "no `target_modules` and `feedforward_modules` give `{module}` its vector on the {placement}: its name is the \
         end of another's with a vector on the other side; convert them one by one",
        module = quote(module)
    )]
    NoSelector {
        /// The module.
        module: String,
        /// What its vector multiplies.
        placement: Placement,
    },
    /// A format cannot hold a vector.
    #[error(
        "{} {}, and the adapter has one on the {placement} of `{module}`; PEFT's format holds it",
        format.with_article(), format.holds(),
        module = quote(module)
    )]
    Unrepresentable {
        /// The format.
        format: AdapterFormat,
        /// The module.
        module: String,
        /// What its vector multiplies.
        placement: Placement,
    },
    /// An adapter does not say which modules its vectors belong to.
    #[error(
        "`{}` names modules without their dots, so the base has to be known; give the base (its config.json is enough)",
        quote_path(path)
    )]
    BaseNeeded {
        /// The file.
        path: PathBuf,
    },
    /// A format is read and not written.
    #[error("{} is read and not written; PEFT's format holds every adapter", format.with_article())]
    NotWritten {
        /// The format.
        format: AdapterFormat,
    },
    /// A format cannot hold parameters saved whole.
    #[error(
        "{} holds vectors only, but the adapter holds {} saved whole ({})",
        format.with_article(), count(parameters.len(), "parameter"), first_few_quoted(parameters)
    )]
    SavedWhole {
        /// The format.
        format: AdapterFormat,
        /// The parameters.
        parameters: Vec<String>,
    },
    /// The names in the adapter do not tell whether a feed-forward block is gated.
    #[error(
        "cannot tell whether `{module}` is in a gated feed-forward block, where its vector can move to `{to}`: nothing \
         in the adapter says so; give the base (its config.json is enough)",
        module = quote(module),
        to = quote(to)
    )]
    GateUnknown {
        /// The module of the vector.
        module: String,
        /// The module it should move to.
        to: String,
    },
    /// A feed-forward block is not gated, so its vector cannot move.
    #[error(
        "the vector on the {placement} of `{module}` cannot move to `{to}`: the block is not gated, the activation is between \
         the two, so no vector on its other side computes the same{}",
        if *placement == Placement::Input { "; keep the adapter in PEFT's format" } else { "" },
        module = quote(module),
        to = quote(to)
    )]
    NotGated {
        /// The module of the vector.
        module: String,
        /// What the vector multiplies.
        placement: Placement,
        /// Where it should have moved.
        to: String,
    },
    /// A vector cannot move to a module that has a vector on its other side.
    #[error(
        "the vector of `{module}` cannot move to the {wanted} of `{to}`, which has a vector on its {}; a module has one \
         vector at most",
        match wanted { Placement::Input => Placement::Output, Placement::Output => Placement::Input },
        module = quote(module),
        to = quote(to)
    )]
    Occupied {
        /// The module of the vector.
        module: String,
        /// The module it should move to.
        to: String,
        /// The side it should move to.
        wanted: Placement,
    },
    /// Two vectors that should be multiplied, or a vector and its new layer, have different lengths.
    #[error(
        "the vector of `{module}` has {len} numbers, but `{to}` has {expected}; are both of one base?",
        module = quote(module),
        to = quote(to)
    )]
    MoveLength {
        /// The module of the vector.
        module: String,
        /// The length of its vector.
        len: usize,
        /// The module it should move to.
        to: String,
        /// The length there.
        expected: usize,
    },
    /// A place for the feed-forward vectors was given, but the adapter has none.
    #[error(
        "the adapter `{}` has no vector on an output of `wi_1` or `up_proj` or an input of `wo` or `down_proj` that could \
         be placed",
        quote_path(path)
    )]
    NothingToPlace {
        /// The adapter.
        path: PathBuf,
    },
    /// The index of the shards of a base is none.
    #[error("{} is no index of shards: {reason}", quote_path(path), reason = quote_error(reason))]
    Index {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A base cannot be read or written.
    #[error(transparent)]
    Checkpoint(Box<CheckpointError>),
    /// The path to write to holds something else than an adapter of that format.
    #[error(
        "`{}` exists and is not an (IA)³ adapter in the form of {}; write to another path",
        quote_path(path), format.with_article()
    )]
    InTheWay {
        /// What is in the way.
        path: PathBuf,
        /// The format to write.
        format: AdapterFormat,
    },
    /// A LoRA approximates an adapter less well than it should.
    #[error(
        "a LoRA of rank {rank} has a relative error of {error:.3} for the change of `{}`, more than {max_error}; an (IA)³ vector \
         changes a weight by a matrix of its own rank. Take a larger rank, or merge the adapter into the base",
        quote(module)
    )]
    LoraError {
        /// The layer of the largest error.
        module: String,
        /// Its error.
        error: f64,
        /// The rank.
        rank: usize,
        /// The largest error allowed.
        max_error: f64,
    },
    /// A LoRA cannot hold what an adapter does to a layer.
    #[error("`{}` {what}; merge the adapter into the base instead", quote(module))]
    LoraLayer {
        /// The layer, or the parameter.
        module: String,
        /// Why not.
        what: &'static str,
    },
    /// A rank that no LoRA can have.
    #[error("the rank is 0, expected 1 at least")]
    LoraRank,
    /// The folder to write holds something else than a LoRA.
    #[error("`{}` holds something else than a LoRA; write into another folder", quote_path(path))]
    LoraInTheWay {
        /// The folder.
        path: PathBuf,
    },
}

impl From<AdapterFileError> for ConvertError {
    fn from(error: AdapterFileError) -> Self {
        match error {
            AdapterFileError::File(error) => Self::File(error),
            AdapterFileError::Safetensors(error) => Self::Safetensors(error),
            other => Self::Adapter(other),
        }
    }
}

impl From<TorchError> for ConvertError {
    fn from(error: TorchError) -> Self {
        match error {
            TorchError::File(error) => Self::File(error),
            other => Self::Torch(other),
        }
    }
}
