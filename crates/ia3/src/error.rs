use ia3_guard::{quote, quote_error, quote_path};
use std::path::PathBuf;

/// Any error of the ia3 crates. Errors of the crates below convert into it, so `?` works in a function that returns it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration is wrong or does not fit a model.
    #[error(transparent)]
    Config(#[from] ia3_config::ConfigError),
    /// An adapter does not fit a model or cannot be merged or mixed.
    #[error(transparent)]
    Adapter(#[from] ia3_core::AdapterError),
    /// A file or folder, whatever its format is.
    #[error(transparent)]
    File(#[from] ia3_io::FileError),
    /// A safetensors file.
    #[error(transparent)]
    Safetensors(Box<ia3_io::SafetensorsError>),
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(Box<ia3_io::CheckpointError>),
    /// An adapter folder.
    #[error(transparent)]
    AdapterFile(Box<ia3_io::AdapterFileError>),
    /// A GGUF file.
    #[error(transparent)]
    Gguf(Box<ia3_gguf::GgufError>),
    /// A merge into weights that another program quantised.
    #[error(transparent)]
    PackedMerge(Box<ia3_io::PackedMergeError>),
    /// The conversion of an adapter from one format to another.
    #[error(transparent)]
    Convert(Box<ia3_convert::ConvertError>),
    /// A model or its inputs.
    #[error(transparent)]
    Model(#[from] ia3_models::ModelError),
    /// Training or evaluation.
    #[cfg(feature = "train")]
    #[error(transparent)]
    Train(#[from] ia3_train::TrainError),
    /// Rows of data, a template or a tokenizer.
    #[cfg(feature = "data")]
    #[error(transparent)]
    Data(#[from] ia3_data::DataError),
    /// A base or an adapter cannot be had from the hub.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Hub(Box<ia3_hub::HubError>),
    /// A device is not available.
    #[error(transparent)]
    Device(#[from] crate::device::DeviceError),
    /// The `config.json` of a base cannot be read.
    #[error(
        "cannot read {}: {source}; a base is a folder with `config.json` and `model.safetensors`",
        quote_path(path)
    )]
    ReadConfig {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// A folder of sentence-transformers cannot be used.
    #[error("{}: {}", quote_path(path), quote(problem))]
    Sentence {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The `config.json` of a base does not describe a model.
    #[error("{}: {source}", quote_path(path))]
    BadConfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ia3_models::ModelError,
    },
    /// The `generation_config.json` of a base cannot be read.
    #[error("cannot read {}: {reason}", quote_path(path), reason = quote_error(reason))]
    BadGeneration {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No adapter of the model has that name.
    #[error("there is no adapter `{name}`; {}", known_adapters(known), name = quote(name))]
    UnknownAdapter {
        /// The name asked for.
        name: String,
        /// The names of all adapters.
        known: Vec<String>,
    },
    /// An adapter of that name exists already.
    #[error(
        "an adapter `{name}` exists already; choose another name, or delete that adapter first",
        name = quote(name)
    )]
    DuplicateAdapter {
        /// The name.
        name: String,
    },
    /// A list of adapters names one twice.
    #[error("the adapter `{name}` is named twice; name each once", name = quote(name))]
    AdapterTwice {
        /// The name.
        name: String,
    },
    /// Two adapters that should work together replace the same parameter (`modules_to_save`).
    #[error(
        "the adapters `{first}` and `{second}` both replace `{path}`; use one of them at a time",
        path = quote(path),
        first = quote(first),
        second = quote(second)
    )]
    SavedTwice {
        /// The parameter.
        path: String,
        /// The first adapter.
        first: String,
        /// The second adapter.
        second: String,
    },
    /// A feed-forward name ends other layers in the middle of a name, whose input PEFT would scale as well.
    #[error(
        "the feed-forward name `{name}` also ends `{}` in the middle of a name, and PEFT would scale its input too; \
         give a pattern such as `.*\\.{name}`",
        paths.first().map(String::as_str).unwrap_or_default(),
        name = quote(name)
    )]
    LooseFeedforward {
        /// The name.
        name: String,
        /// The layers whose input would be scaled for this reason alone.
        paths: Vec<String>,
    },
    /// The model has merged adapters, with which the action makes no sense.
    #[error("`{}` is merged; call `unmerge_adapter` before you {action}", names.join("`, `"))]
    Merged {
        /// The merged adapters.
        names: Vec<String>,
        /// What was tried, a verb.
        action: &'static str,
    },
    /// The adapter to delete is merged.
    #[error(
        "cannot delete the adapter `{name}` while it is merged; call `unmerge_adapter` first",
        name = quote(name)
    )]
    DeleteMerged {
        /// The name.
        name: String,
    },
    /// The adapter to merge is merged already.
    #[error("the adapter `{name}` is merged already; nothing was changed", name = quote(name))]
    AlreadyMerged {
        /// The name.
        name: String,
    },
    /// There is nothing to merge.
    #[error("there is nothing to merge: no adapter is active, and none was named")]
    NothingToMerge,
    /// There is nothing to unmerge.
    #[error("no adapter is merged, so there is nothing to unmerge")]
    NotMerged,
    /// Texts were given to a model without a tokenizer.
    #[error("{} has no tokenizer, so texts cannot be read or written; give token ids instead", place(folder))]
    NoTokenizer {
        /// The folder that the model was read from.
        folder: Option<PathBuf>,
    },
    /// A model that was made in memory has no `config.json` to save.
    #[error(
        "the model was made in memory and has no config.json to save; write the weights with `ia3::io::save_checkpoint`"
    )]
    NoFolder,
    /// A checkpoint cannot hold the adapters of a model.
    #[error(
        "the model carries adapters, which a checkpoint cannot hold; save them with `model.adapter()?.save(dir)`, or \
         `merge_and_unload` first"
    )]
    AdaptersAttached,
    /// The model does not carry exactly one adapter.
    #[error("the model carries {found} adapters, expected one; `adapters` returns all of them")]
    NotOneAdapter {
        /// How many it carries.
        found: usize,
    },
    /// The model has an adapter for each batch entry, with which the action makes no sense.
    #[error("a model whose batch entries have their own adapters cannot {action}")]
    RowAdapters {
        /// What it cannot do.
        action: &'static str,
    },
    /// A model without adapters is to be trained.
    #[error(
        "the model carries no adapter to train; attach one with `with_adapter`, or train all weights of `module()` with \
         `ia3::train::train`"
    )]
    NothingToTrain,
}

/// Conversions of errors that are boxed, because they would make every `Result` of this crate large.
macro_rules! boxed {
    ($($variant:ident: $error:ty),*) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::$variant(Box::new(error))
            }
        }
    )*};
}

boxed! {
    Safetensors: ia3_io::SafetensorsError,
    Checkpoint: ia3_io::CheckpointError,
    AdapterFile: ia3_io::AdapterFileError,
    Convert: ia3_convert::ConvertError,
    Gguf: ia3_gguf::GgufError,
    PackedMerge: ia3_io::PackedMergeError
}

#[cfg(feature = "hub")]
boxed! { Hub: ia3_hub::HubError }

fn place(folder: &Option<PathBuf>) -> String {
    folder.as_ref().map_or_else(|| "a model made in memory".into(), |folder| folder.display().to_string())
}

fn known_adapters(known: &[String]) -> String {
    match known.is_empty() {
        true => "the model has none".into(),
        false => format!("known are {}", known.join(", ")),
    }
}
