//! What a command writes with `--out`: a folder, or a file.

use std::path::{Path, PathBuf};

use anyhow::bail;
use ia3::io::{CheckpointError, Leftover, OutputFolder, prepare_file};

use crate::output::note;

/// Locks the folder of `--out` before the work begins.
pub(crate) fn lock(path: &Path) -> anyhow::Result<OutputFolder> {
    let folder = OutputFolder::lock(path)?;
    note_leftovers(folder.leftovers());
    Ok(folder)
}

/// Locks the folder as [`lock`] does. Ctrl-C and SIGTERM remove what is not written completely and end the process.
pub(crate) fn folder(path: &Path) -> anyhow::Result<OutputFolder> {
    let folder = lock(path)?;
    let cleanup = folder.cleanup();
    ctrlc::set_handler(move || {
        cleanup.run();
        std::process::exit(130)
    })?;
    Ok(folder)
}

/// Refuses to write into the folder of the base.
pub(crate) fn refuse_base(folder: &OutputFolder, base: &Path) -> anyhow::Result<()> {
    match folder.is(base) {
        true => Err(CheckpointError::SameFolder { dir: folder.path().to_owned() }.into()),
        false => Ok(()),
    }
}

/// Refuses to write into the folder of an adapter that the command reads.
pub(crate) fn refuse_adapters(folder: &OutputFolder, adapters: &[PathBuf]) -> anyhow::Result<()> {
    let is_own =
        |path: &PathBuf| folder.is(path) || path.parent().is_some_and(|dir| path.is_file() && folder.is(dir));
    match adapters.iter().any(is_own) {
        true => bail!(
            "{} is the folder of one of the adapters, which would be overwritten; write into another folder",
            folder.path().display()
        ),
        false => Ok(()),
    }
}

/// Checks before the work begins that the file of `--out` can be written.
pub(crate) fn file(path: &Path) -> anyhow::Result<()> {
    note_leftovers(&prepare_file(path)?);
    Ok(())
}

/// Says what runs that were killed had left.
pub(crate) fn note_leftovers(leftovers: &[Leftover]) {
    leftovers.iter().for_each(note);
}
