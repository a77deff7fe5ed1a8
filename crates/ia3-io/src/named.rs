//! Folders of several named adapters.

use std::path::{Path, PathBuf};

use crate::adapter_file::CONFIG;
use crate::adapter_save::DEFAULT;
use crate::error::IoError;
use crate::read;

/// The adapters in a folder as PEFT's `save_pretrained` lays them out: `default` in the folder itself, any other in the
/// sub-folder of its name; sorted by name, `default` first.
///
/// # Errors
///
/// [`IoError::NotFound`] for a path that does not exist, [`IoError::NoAdapter`] where there is none.
pub fn named_adapters(dir: impl AsRef<Path>) -> Result<Vec<(String, PathBuf)>, IoError> {
    let dir = dir.as_ref();
    if !dir.exists() {
        return Err(IoError::NotFound { path: dir.to_owned() });
    }
    let own = [(DEFAULT.to_string(), dir.to_owned())];
    let others = read::listing(dir).into_iter().map(|name| (name.clone(), dir.join(name)));
    let is_adapter = |(_, path): &(String, PathBuf)| path.join(CONFIG).exists();
    let found: Vec<_> = own.into_iter().chain(others).filter(is_adapter).collect();
    match found.is_empty() {
        true => {
            let (dir, found) = (dir.to_owned(), read::listing(dir));
            Err(IoError::NoAdapter { dir, missing: CONFIG.into(), found, named: vec![] })
        }
        false => Ok(found),
    }
}
