//! Hashes of large files, which are kept so that an unchanged file is not read again.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::CheckpointError;
use ia3_guard::sha256;

/// The SHA-256 hashes of files by file name, such as those of a base.
///
/// [`to_json`](Self::to_json) and [`from_json`](Self::from_json) keep them in a file. [`of`](Self::of) reads a file again
/// when its name, size, time of modification or, on Unix, its inode or time of change is another one than before. A file
/// that was modified less than two seconds before it was read is always read again, since it may change once more within
/// the resolution of the file system's clock.
///
/// ```
/// use ia3_train::FileHashes;
///
/// let dir = tempfile::tempdir()?;
/// let file = dir.path().join("model.safetensors");
/// std::fs::write(&file, "weights")?;
/// let hashes = FileHashes::of([&file], &FileHashes::default())?;
/// let again = FileHashes::of([&file], &FileHashes::from_json(&hashes.to_json()))?;
/// assert_eq!(hashes, again);
/// assert_eq!(hashes.entries().count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileHashes {
    files: BTreeMap<String, FileHash>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileHash {
    sha256: String,
    /// `None` for a file that has to be read again.
    unchanged_while: Option<Facts>,
}

/// What differs after a file has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Facts {
    size: u64,
    modified: Time,
    /// The time of the last change of content or metadata, and the inode. Other systems than Unix have neither.
    changed: Option<Time>,
    inode: Option<u64>,
}

/// Seconds since 1970, and nanoseconds.
type Time = (i64, u32);

/// The coarsest resolution of the times of a file system, that of FAT.
const RESOLUTION: Duration = Duration::from_secs(2);

/// The file with the hashes, and a hash over them, by which damage is noticed.
#[derive(Serialize, Deserialize)]
struct Stored {
    sha256: String,
    files: FileHashes,
}

impl FileHashes {
    /// The hashes of `files`. Those that `known` holds are taken from there, if the file has not changed since.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::File`] if a file cannot be read.
    pub fn of(
        files: impl IntoIterator<Item = impl AsRef<Path>>,
        known: &Self,
    ) -> Result<Self, CheckpointError> {
        let hash = |path: &Path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_string();
            let hash = FileHash::of(path, known.files.get(&name));
            Ok((name, hash.map_err(|e| CheckpointError::file("read", path, e))?))
        };
        let files = files.into_iter().map(|path| hash(path.as_ref()));
        Ok(Self { files: files.collect::<Result<_, CheckpointError>>()? })
    }

    /// The names of the files and their hashes, sorted by name.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(name, file)| (name.as_str(), file.sha256.as_str()))
    }

    /// The hashes as JSON.
    pub fn to_json(&self) -> String {
        let stored = Stored { sha256: self.sha256(), files: self.clone() };
        // A map with text as keys can always be written.
        serde_json::to_string_pretty(&stored).unwrap_or_default() + "\n"
    }

    /// Reads what [`to_json`](Self::to_json) wrote. Damaged text gives no hashes, so that every file is read again.
    pub fn from_json(text: &str) -> Self {
        let stored: Option<Stored> = serde_json::from_str(text).ok();
        stored.filter(|stored| stored.sha256 == stored.files.sha256()).map(|s| s.files).unwrap_or_default()
    }

    fn sha256(&self) -> String {
        sha256::of_bytes(&serde_json::to_vec(self).unwrap_or_default())
    }
}

impl FileHash {
    fn of(path: &Path, known: Option<&Self>) -> std::io::Result<Self> {
        let path: PathBuf = path.canonicalize()?;
        let facts = Facts::of(&path.metadata()?);
        if let Some(known) = known.filter(|known| known.unchanged_while.as_ref() == Some(&facts)) {
            return Ok(known.clone());
        }
        let settled = facts.settled(SystemTime::now());
        Ok(Self { sha256: sha256::of_file(&path)?, unchanged_while: settled.then_some(facts) })
    }
}

impl Facts {
    fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok().map_or((0, 0), time);
        let (changed, inode) = change(metadata);
        Self { size: metadata.len(), modified, changed, inode }
    }

    /// Whether a later change would get another time. A time in the future, after the clock was set back, is not settled.
    fn settled(&self, now: SystemTime) -> bool {
        let latest = self.changed.map_or(self.modified, |changed| changed.max(self.modified));
        now.checked_sub(RESOLUTION).is_some_and(|past| latest < time(past))
    }
}

fn time(time: SystemTime) -> Time {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => (since.as_secs() as i64, since.subsec_nanos()),
        Err(before) => (-(before.duration().as_secs() as i64), before.duration().subsec_nanos()),
    }
}

#[cfg(unix)]
fn change(metadata: &Metadata) -> (Option<Time>, Option<u64>) {
    use std::os::unix::fs::MetadataExt;
    (Some((metadata.ctime(), metadata.ctime_nsec() as u32)), Some(metadata.ino()))
}

#[cfg(not(unix))]
fn change(_: &Metadata) -> (Option<Time>, Option<u64>) {
    (None, None)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A hash of the file that is not its own, as if it had been kept.
    fn planted(path: &Path) -> FileHashes {
        let mut hashes = FileHashes::of([path], &FileHashes::default()).unwrap();
        for file in hashes.files.values_mut() {
            let unchanged_while = Some(Facts::of(&path.metadata().unwrap()));
            *file = FileHash { sha256: "kept".into(), unchanged_while };
        }
        hashes
    }

    fn hash(path: &Path, known: &FileHashes) -> String {
        FileHashes::of([path], known).unwrap().entries().next().unwrap().1.to_string()
    }

    #[test]
    fn a_file_is_read_again_when_anything_of_it_differs() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors");
        fs::write(&path, "abc").unwrap();
        let abc = sha256::of_bytes(b"abc");
        assert_eq!(hash(&path, &FileHashes::default()), abc);
        let known = planted(&path);
        assert_eq!(hash(&path, &known), "kept", "an unchanged file is not read");
        let modified = path.metadata().unwrap().modified().unwrap();
        let set_modified = |time| fs::File::options().write(true).open(&path).unwrap().set_modified(time);
        set_modified(modified + Duration::from_nanos(1)).unwrap();
        assert_eq!(hash(&path, &known), abc, "another time");
        if cfg!(unix) {
            fs::write(&path, "xyz").unwrap();
            set_modified(modified).unwrap();
            assert_eq!(hash(&path, &known), sha256::of_bytes(b"xyz"), "another content, size and time kept");
        }
        let other = dir.path().join("other");
        fs::write(&other, "abc").unwrap();
        assert_eq!(hash(&other, &known), abc, "another name");
    }

    #[test]
    fn a_file_that_may_still_change_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors");
        fs::write(&path, "abc").unwrap();
        let of = |path| FileHashes::of([path], &FileHashes::default()).unwrap();
        assert_eq!(of(&path).files["model.safetensors"].unchanged_while, None, "it was written just now");
        let facts = Facts::of(&path.metadata().unwrap());
        assert!(facts.settled(SystemTime::now() + Duration::from_secs(3)));
        assert!(!facts.settled(SystemTime::now() - Duration::from_secs(3600)), "the clock was set back");
    }

    #[test]
    fn damaged_hashes_are_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors");
        fs::write(&path, "abc").unwrap();
        let known = planted(&path);
        assert_eq!(FileHashes::from_json(&known.to_json()), known);
        for damaged in [known.to_json().replace("kept", "kepu"), known.to_json()[..40].into(), "".into()] {
            assert_eq!(FileHashes::from_json(&damaged), FileHashes::default(), "{damaged}");
        }
    }
}
