//! Files that are there whole or not at all, for other crates to fill.

use std::fs;
use std::path::Path;

use crate::error::IoError;
use crate::read;
use crate::stage::{PREFIX, SUFFIX, Stage};

/// Writes a file, which is there whole or not at all; folders around it are made.
///
/// # Errors
///
/// [`IoError::Io`] and [`IoError::NotAFolder`] where it cannot be written.
pub fn write_file(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), IoError> {
    let (mut stage, name) = Stage::beside(path.as_ref())?;
    stage.file(&name, |out| out.write_all(bytes))?;
    stage.commit().map(|_| ())
}

/// Removes the hidden files and folders that a killed process left in `dir` while it wrote; a folder that is not there
/// holds none.
///
/// Not to be called while another process writes there.
///
/// # Errors
///
/// [`IoError::Io`] where one cannot be removed.
pub fn remove_leftovers(dir: impl AsRef<Path>) -> Result<(), IoError> {
    let dir = dir.as_ref();
    let left = |name: &String| name.starts_with(PREFIX) && name.ends_with(SUFFIX);
    read::listing(dir).into_iter().filter(left).try_for_each(|name| {
        let path = dir.join(name);
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(|source| IoError::io("remove", &path, source))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_what_a_kill_left_goes() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/kept");
        for text in ["one", "two"] {
            write_file(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        fs::create_dir(root.path().join("a/.ia3-y.tmp")).unwrap();
        write_file(root.path().join("a/.ia3-x.tmp"), b"").unwrap();
        remove_leftovers(root.path().join("a")).unwrap();
        assert_eq!(read::listing(&root.path().join("a")), ["kept"]);
    }
}
