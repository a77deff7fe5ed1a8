//! Names of adapters, and folders that hold several.

use std::path::{Path, PathBuf};

use crate::adapter::AdapterFileError;
use crate::adapter::file::CONFIG;
use crate::fs::{FileError, file_names, is_hidden_folder};

/// The name of the adapter in the folder itself.
pub(crate) const DEFAULT: &str = "default";

/// The name that stands for the base model where each batch entry names its adapter, as in PEFT.
pub const BASE_NAME: &str = "__base__";

/// Checks that PEFT and the file system allow the name of an adapter.
///
/// # Errors
///
/// [`AdapterFileError::AdapterName`] for a name that is empty or [`BASE_NAME`], or has a `.`, a path separator or a NUL.
pub fn check_adapter_name(name: &str) -> Result<(), AdapterFileError> {
    match name.is_empty() || name == BASE_NAME || name.contains(['.', '/', '\\', '\0']) {
        true => Err(AdapterFileError::AdapterName { name: name.to_string() }),
        false => Ok(()),
    }
}

/// The names and folders of the adapters in `dir`, as PEFT's `save_pretrained` writes them: `default` in `dir` itself, every
/// other one in the sub-folder of its name. `default` is first, the others are sorted by name.
///
/// # Errors
///
/// [`FileError::NotFound`] for a path that does not exist, [`AdapterFileError::NoAdapter`] for a folder without an
/// adapter.
pub fn named_adapters(dir: impl AsRef<Path>) -> Result<Vec<(String, PathBuf)>, AdapterFileError> {
    let dir = dir.as_ref();
    if !dir.exists() {
        return Err(FileError::NotFound { path: dir.to_owned() }.into());
    }
    let own = [(DEFAULT.to_string(), dir.to_owned())];
    let others = file_names(dir).into_iter().filter(|name| !is_hidden_folder(name));
    let others = others.map(|name| (name.clone(), dir.join(name)));
    let is_adapter = |(_, path): &(String, PathBuf)| path.join(CONFIG).exists();
    let found: Vec<_> = own.into_iter().chain(others).filter(is_adapter).collect();
    match found.is_empty() {
        true => {
            let (dir, found) = (dir.to_owned(), file_names(dir));
            Err(AdapterFileError::NoAdapter { dir, missing: CONFIG.into(), found, named: vec![] })
        }
        false => Ok(found),
    }
}
