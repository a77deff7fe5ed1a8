//! The path that a command writes to, and what the command says.

use std::path::{Path, PathBuf};
use std::process::Output;

use tempfile::TempDir;

use super::commands::Case;
use super::snapshot::{Snapshot, copy, names, snapshot};

/// A folder that holds the path `out`.
pub(crate) struct Place(pub(crate) TempDir);

impl Place {
    /// A copy of a folder.
    pub(crate) fn like(template: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(template, dir.path());
        Self(dir)
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.0.path().join("out")
    }
}

/// The state that every run ends with.
pub(crate) fn end(case: &Case, place: &Place) -> (Snapshot, Vec<String>) {
    (snapshot(&place.out(), case.same), names(place.0.path()))
}

/// Whether the program ended with a message and not with a panic or a signal.
pub(crate) fn is_error(output: &Output) -> bool {
    output.status.code() == Some(1) && said(output).contains("error: ") && !said(output).contains("panicked")
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_string()
}
