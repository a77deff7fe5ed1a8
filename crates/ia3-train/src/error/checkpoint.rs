use std::fmt;
use std::path::{Path, PathBuf};

/// What can go wrong with the checkpoints of a training.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// A file or folder cannot be written, read or removed.
    #[error("cannot {action} `{}`: {source}", path.display())]
    File {
        /// What failed: a verb, such as `read`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system, or of the JSON parser.
        #[source]
        source: std::io::Error,
    },
    /// The checkpoint was written by a version of this crate whose fingerprint cannot be compared.
    #[error(
        "`{}` has a fingerprint of format {found}, expected {expected}: it was written by another version of this program; \
         resume it with that version, or start a new training",
        path.display()
    )]
    FingerprintFormat {
        /// The checkpoint.
        path: PathBuf,
        /// The format of its fingerprint.
        found: u32,
        /// The format that this version writes.
        expected: u32,
    },
    /// The checkpoint belongs to another training.
    #[error("`{}` was made with {}; use the same values again, or start a new training", path.display(), list(differences))]
    OtherRun {
        /// The checkpoint.
        path: PathBuf,
        /// Everything in which the two trainings differ; at least one entry.
        differences: Vec<Difference>,
    },
    /// An entry of a fingerprint cannot be written as JSON.
    #[error("cannot compute the entry `{name}` of the fingerprint: {source}")]
    Fingerprint {
        /// Name of the entry.
        name: String,
        /// The error of serde.
        #[source]
        source: serde_json::Error,
    },
    /// A state cannot be written, or does not fit the model or the optimiser.
    #[error(
        "the state of the training does not fit: {reason}; resume it with the same model and settings, or start a new training"
    )]
    State {
        /// What does not fit.
        reason: String,
    },
}

impl CheckpointError {
    pub(crate) fn file(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::File { action, path: path.to_owned(), source }
    }
}

/// An entry in which the fingerprints of a checkpoint and of a training differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Name of the entry, such as `learning_rate`.
    pub name: String,
    /// The value in the checkpoint; `absent` if it has no such entry.
    pub found: String,
    /// The value in this training; `absent` if it has no such entry.
    pub expected: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "another {}: {}, now {}", self.name, self.found, self.expected)
    }
}

fn list(differences: &[Difference]) -> String {
    differences.iter().map(Difference::to_string).collect::<Vec<_>>().join("; ")
}
