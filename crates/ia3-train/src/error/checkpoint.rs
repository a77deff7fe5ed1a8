use ia3_guard::{quote, quote_error, quote_path};
use std::fmt;
use std::path::{Path, PathBuf};

/// What can go wrong with the checkpoints of a training.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// A file or folder cannot be written, read or removed.
    #[error("cannot {action} `{}`: {source}", quote_path(path))]
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
        quote_path(path)
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
    #[error(
        "`{}` was made with {}; use the same values again, or start a new training",
        quote_path(path),
        list(differences)
    )]
    OtherRun {
        /// The checkpoint.
        path: PathBuf,
        /// Everything in which the two trainings differ; at least one entry.
        differences: Vec<Difference>,
    },
    /// A file of the checkpoint has not the content that was written.
    #[error(
        "`{}` is damaged: {reason}; restore it from a copy, or continue from an earlier checkpoint",
        quote_path(path),
        reason = quote_error(reason)
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How that shows.
        reason: String,
    },
    /// The checkpoint in a folder is that of another step.
    #[error(
        "`{}` holds the state after step {found}, expected {expected}; was the folder renamed or copied? \
         Give it its own name again",
        quote_path(path)
    )]
    OtherStep {
        /// The folder.
        path: PathBuf,
        /// The step of the state.
        found: usize,
        /// The step in the name of the folder.
        expected: usize,
    },
    /// A folder of a checkpoint has files that were not written with it, so it is not removed.
    #[error(
        "{} in the checkpoints were not written by a training and would be lost; move them to another place, or \
         choose another folder for the training",
        quoted(files)
    )]
    ForeignFiles {
        /// The files; at least one.
        files: Vec<PathBuf>,
    },
    /// An entry of a fingerprint cannot be written as JSON.
    #[error(
        "cannot compute the entry `{name}` of the fingerprint: {source}",
        name = quote(name),
        source = quote_error(source)
    )]
    Fingerprint {
        /// Name of the entry.
        name: String,
        /// The error of serde.
        #[source]
        source: serde_json::Error,
    },
    /// A state cannot be written, or does not fit the model or the optimiser.
    #[error(
        "the state of the training does not fit: {reason}; resume it with the same model and settings, or start a new training",
        reason = quote_error(reason)
    )]
    State {
        /// What does not fit.
        reason: String,
    },
}

impl CheckpointError {
    /// Whether the files of the checkpoint are damaged or unreadable, so that an earlier checkpoint of the same training may
    /// be better. Not so for a checkpoint of another training, and for one that this user may not read.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::OtherStep { .. } => true,
            Self::File { action: "read", source, .. } => {
                source.kind() != std::io::ErrorKind::PermissionDenied
            }
            _ => false,
        }
    }

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

/// At most three paths, and the number of the others.
fn quoted(paths: &[PathBuf]) -> String {
    let shown: Vec<String> = paths.iter().take(3).map(|path| format!("`{}`", path.display())).collect();
    match paths.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more files", shown.join(", ")),
    }
}
