//! What can be wrong with a configuration.

/// What can be wrong with a configuration, or between it and a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A task type that PEFT does not have.
    #[error("unknown task type {found:?}")]
    UnknownTaskType {
        /// The name found.
        found: String,
    },
}
