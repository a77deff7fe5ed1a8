//! Writing one file, and removing what an interrupted write left behind.

use std::fs;
use std::path::Path;

use crate::fs::atomic_write::{AtomicWrite, PREFIX, SUFFIX};
use crate::fs::{FileError, file_names};

/// Writes a file so that it is complete or absent, whatever interrupts the write. Missing parent folders are created.
///
/// # Errors
///
/// [`FileError::Io`] and [`FileError::NotAFolder`] if the file cannot be written.
pub fn write_file(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), FileError> {
    let (mut write, name) = AtomicWrite::for_file(path.as_ref())?;
    write.file(&name, |out| out.write_all(bytes))?;
    write.commit().map(|_| ())
}

/// Removes the temporary files that an interrupted write left in `dir`. A missing folder is no error.
///
/// Do not call it while another process writes into the folder.
///
/// # Errors
///
/// [`FileError::Io`] if one of them cannot be removed.
pub fn remove_leftovers(dir: impl AsRef<Path>) -> Result<(), FileError> {
    let dir = dir.as_ref();
    let left = |name: &String| name.starts_with(PREFIX) && name.ends_with(SUFFIX);
    file_names(dir).into_iter().filter(left).try_for_each(|name| {
        let path = dir.join(name);
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(|source| FileError::io("remove", &path, source))
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
        assert_eq!(file_names(&root.path().join("a")), ["kept"]);
    }
}
