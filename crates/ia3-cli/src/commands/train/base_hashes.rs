//! The hashes of the files of a base, which are computed beside the loading and kept with the checkpoints.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use anyhow::anyhow;
use ia3::io::Checkpoint;
use ia3::train::FileHashes;
use ia3_guard::{Limit, read_text};

use crate::out;

/// A thread that hashes the files of a base.
pub(super) struct BaseHashing {
    thread: JoinHandle<anyhow::Result<FileHashes>>,
}

impl BaseHashing {
    /// Starts to hash `config.json` and all files that the weights of `base` are read from. Files that have not changed since
    /// an earlier run into the folder `out` are not read again.
    pub(super) fn start(base: &Path, out: &Path) -> anyhow::Result<Self> {
        // A GGUF file has its configuration in it.
        let config = base.is_dir().then(|| base.join("config.json"));
        let files: Vec<PathBuf> = Checkpoint::open(base)?.files().map(Path::to_owned).chain(config).collect();
        let kept = kept_in(out);
        let hash = move || {
            let known = read_text(&kept, Limit::CONFIG).unwrap_or_default();
            Ok(FileHashes::of(files, &FileHashes::from_json(&known))?)
        };
        Ok(Self { thread: std::thread::spawn(hash) })
    }

    /// Waits for the hashes.
    pub(super) fn finish(self) -> anyhow::Result<FileHashes> {
        self.thread.join().map_err(|_| anyhow!("the thread that hashes the files of the base panicked"))?
    }
}

/// Keeps the hashes in `folder` for later runs, if they are not there already.
pub(super) fn keep(hashes: &FileHashes, folder: &Path) -> anyhow::Result<()> {
    let (path, json) = (kept_in(folder), hashes.to_json());
    out::file(&path)?;
    match read_text(&path, Limit::CONFIG).is_ok_and(|kept| kept == json) {
        true => Ok(()),
        false => Ok(ia3::io::write_file(path, json.as_bytes())?),
    }
}

fn kept_in(out: &Path) -> PathBuf {
    out.join("checkpoints").join("base_hashes.json")
}
