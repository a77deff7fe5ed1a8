use std::path::PathBuf;

/// Anything that can go wrong, by the crate it comes from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration, or how it fits a model.
    #[error(transparent)]
    Config(#[from] ia3_config::ConfigError),
    /// An adapter on a model.
    #[error(transparent)]
    Adapter(#[from] ia3_core::Ia3Error),
    /// A file.
    #[error(transparent)]
    Io(#[from] ia3_io::IoError),
    /// A model or its inputs.
    #[error(transparent)]
    Model(#[from] ia3_models::ModelError),
    /// Training or evaluation.
    #[cfg(feature = "train")]
    #[error(transparent)]
    Train(#[from] ia3_train::TrainError),
    /// `config.json` cannot be read.
    #[error("cannot read {}: {source}; a base is a folder with `config.json` and `model.safetensors`", path.display())]
    ReadConfig {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// `config.json` of a base does not describe a model.
    #[error("{}: {source}", path.display())]
    BadConfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ia3_models::ModelError,
    },
}
