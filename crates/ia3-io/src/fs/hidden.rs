//! The names of hidden files and folders that exist while something is written.
//!
//! Those of a path `P/NAME` are `P/.NAME.ia3-lock`, the temporary file `P/.NAME.ia3-XXXXXX.tmp` and the temporary folder
//! `P/.NAME.ia3-XXXXXX.partial`, with six letters or digits for `XXXXXX`. Where nothing can be made beside a folder, they lie
//! inside it and `NAME.` is left out. For a name of more than 200 bytes, `NAME` is a hash of it, because the names of files
//! are limited to 255 bytes. The temporary folder `NAME/.ia3-XXXXXX.commit` always lies inside.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile, TempDir};

/// The suffix of a temporary file.
pub(crate) const FILE: &str = ".tmp";
/// The suffix of a folder that is not written completely.
pub(crate) const PARTIAL: &str = ".partial";
/// The suffix of a folder whose files move to their places one by one.
pub(crate) const COMMIT: &str = ".commit";

const MARK: &str = "ia3-";
const RANDOM: usize = 6;
/// The longest name that hidden names contain as it is.
const LONG: usize = 200;

/// A folder for hidden files, and the beginning of their names.
#[derive(Clone, Debug)]
pub(crate) struct Hidden {
    pub(crate) dir: PathBuf,
    prefix: OsString,
}

impl Hidden {
    /// Beside a file or folder; `None` for the root of the file system.
    pub(crate) fn beside(path: &Path) -> Option<Self> {
        let (dir, name) = (path.parent()?.to_owned(), path.file_name()?);
        let mut prefix = OsString::from(".");
        prefix.push(short(name));
        prefix.push(".");
        prefix.push(MARK);
        Some(Self { dir, prefix })
    }

    /// Inside a folder.
    pub(crate) fn inside(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), prefix: format!(".{MARK}").into() }
    }

    /// The path of the lock.
    pub(crate) fn lock(&self) -> PathBuf {
        let mut name = self.prefix.clone();
        name.push("lock");
        self.dir.join(name)
    }

    /// A new temporary folder with the permissions of any new folder.
    pub(crate) fn folder(&self) -> io::Result<TempDir> {
        self.builder(PARTIAL, 0o777).tempdir_in(&self.dir)
    }

    /// A new temporary file with the permissions of any new file.
    pub(crate) fn file(&self) -> io::Result<NamedTempFile> {
        self.builder(FILE, 0o666).tempfile_in(&self.dir)
    }

    /// `tempfile` alone would restrict the permissions to the owner.
    fn builder(&self, suffix: &'static str, mode: u32) -> Builder<'_, 'static> {
        let mut builder = Builder::new();
        builder.prefix(&self.prefix).suffix(suffix).rand_bytes(RANDOM);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
        #[cfg(not(unix))]
        let _ = mode;
        builder
    }

    /// The path here of the temporary folder `path`, under another suffix.
    pub(crate) fn renamed(&self, path: &Path, suffix: &str) -> PathBuf {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.strip_suffix(PARTIAL).unwrap_or(&name);
        // The random part is the last one, and it is ASCII.
        let random = stem.get(stem.len().saturating_sub(RANDOM)..).unwrap_or(stem);
        let mut name = self.prefix.clone();
        name.push(random);
        name.push(suffix);
        self.dir.join(name)
    }

    /// The temporary files or folders with this suffix.
    pub(crate) fn found(&self, suffix: &str) -> Vec<PathBuf> {
        let is_own = |name: &OsStr| {
            let rest = name.as_encoded_bytes().strip_prefix(self.prefix.as_encoded_bytes());
            rest.is_some_and(|rest| is_random(rest, suffix))
        };
        entries(&self.dir).filter(|path| path.file_name().is_some_and(is_own)).collect()
    }
}

/// The name, or a hash of a long one (FNV-1a with 64 bits).
fn short(name: &OsStr) -> OsString {
    let bytes = name.as_encoded_bytes();
    if bytes.len() <= LONG {
        return name.to_owned();
    }
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)).into()
}

/// The temporary files in a folder, whatever file they were for.
pub(crate) fn files_in(dir: &Path) -> Vec<PathBuf> {
    let is_own = |name: &OsStr| {
        let name = name.as_encoded_bytes();
        let start = name.windows(MARK.len()).rposition(|part| part == MARK.as_bytes());
        let after_dot = |&start: &usize| start > 0 && name[0] == b'.' && name[start - 1] == b'.';
        start.filter(after_dot).is_some_and(|start| is_random(&name[start + MARK.len()..], FILE))
    };
    entries(dir).filter(|path| path.file_name().is_some_and(is_own)).collect()
}

/// Whether a name is that of a hidden folder, which is not for readers.
pub(crate) fn is_hidden_folder(name: &str) -> bool {
    let partial = name.starts_with('.') && name.contains(MARK) && name.ends_with(PARTIAL);
    partial || is_commit(name)
}

/// Whether the name of an entry of a folder says that a process was killed while it wrote the folder, so that the folder has
/// neither all of its old files nor all of the new ones.
pub fn is_commit(name: &str) -> bool {
    let rest = name.strip_prefix('.').and_then(|name| name.strip_prefix(MARK));
    rest.is_some_and(|rest| is_random(rest.as_bytes(), COMMIT))
}

/// What a user of such a folder has to know.
pub const UNFINISHED: &str =
    "the last write to this folder was killed, and the next command that writes to it completes that write";

fn is_random(rest: &[u8], suffix: &str) -> bool {
    let random = rest.strip_suffix(suffix.as_bytes());
    random.is_some_and(|random| random.len() == RANDOM && random.iter().all(u8::is_ascii_alphanumeric))
}

fn entries(dir: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_gets_short_hidden_names_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let hidden = |name: &str| Hidden::beside(&root.path().join(name.repeat(255))).unwrap();
        hidden("x").file().unwrap();
        assert_ne!(hidden("x").lock(), hidden("y").lock());
        assert_eq!(hidden("x").lock(), hidden("x").lock());
    }

    #[test]
    fn only_names_of_this_form_are_recognised() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        for name in [
            ".x.ia3-a1B2c3.partial",
            ".x.ia3-a1B2c3.commit",
            ".x.ia3-a1B2c.partial",
            ".xx.ia3-a1B2c3.partial",
            ".x.ia3-a-B2c3.partial",
            "x.ia3-a1B2c3.partial",
            ".x.ia3-a1B2c3.partial.old",
            ".x.ia3-q.ia3-a1B2c3.partial",
            ".ia3-a1B2c3.tmp",
            ".x.ia3-a1B2c3.tmp",
            ".xia3-a1B2c3.tmp",
            "x.ia3-a1B2c3.tmp",
        ] {
            fs::write(path(name), "").unwrap();
        }
        let hidden = Hidden::beside(&path("x")).unwrap();
        assert_eq!(hidden.lock(), path(".x.ia3-lock"));
        assert_eq!(hidden.found(PARTIAL), [path(".x.ia3-a1B2c3.partial")]);
        assert_eq!(hidden.found(COMMIT), [path(".x.ia3-a1B2c3.commit")]);
        let mut files = files_in(root.path());
        files.sort();
        assert_eq!(files, [path(".ia3-a1B2c3.tmp"), path(".x.ia3-a1B2c3.tmp")]);
        let made = hidden.folder().unwrap();
        assert!(hidden.found(PARTIAL).contains(&made.path().to_owned()));
        let inside = Hidden::inside(&path("x")).renamed(&path(".x.ia3-a1B2c3.partial"), COMMIT);
        assert_eq!(inside, path("x/.ia3-a1B2c3.commit"));
    }
}
