//! Replacing the files of a folder that cannot be exchanged as a whole.
//!
//! The new files lie in a hidden folder inside it, and a plan in that says what happens: the files that make the folder readable, such
//! as `config.json`, are removed first and come last. So a process that is killed between leaves the old content, the new
//! content, or a folder that no reader accepts; and the plan is completed before the next write.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path};

use ia3_guard::{FileError, Limit, quote, read_bytes};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::fs::hidden::{COMMIT, Hidden};
use crate::fs::target::sync_folder;

const PLAN: &str = ".plan.json";

#[derive(Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Files of the folder that belong to an earlier content.
    pub(crate) removed: Vec<String>,
    /// The new files without which no reader accepts the folder. They come last, in this order.
    pub(crate) last: Vec<String>,
}

/// Moves the files of a temporary folder, which are on the disk already, into `target`.
pub(crate) fn commit(stage: TempDir, target: &Path, plan: &Plan) -> io::Result<()> {
    let plan_file = stage.path().join(PLAN);
    fs::write(&plan_file, serde_json::to_vec(plan)?)?;
    fs::File::open(&plan_file)?.sync_all()?;
    sync_folder(stage.path());
    // This fails where the files cannot be moved either, before anything is changed.
    let inside = Hidden::inside(target).renamed(stage.path(), COMMIT);
    fs::rename(stage.path(), &inside)?;
    // The folder has another name now, so there is nothing to remove.
    let _ = stage.keep();
    sync_folder(target);
    complete(&inside, target).map_err(|error| {
        let then = "the folder cannot be read until the next command that writes to it completes this write";
        io::Error::new(error.kind(), format!("{error}; {then}"))
    })
}

/// Completes what [`commit`] began, wherever it was interrupted.
pub(crate) fn complete(stage: &Path, target: &Path) -> io::Result<()> {
    let plan = match read_bytes(&stage.join(PLAN), Limit::CONFIG).map_err(FileError::reason) {
        Ok(plan) => plan,
        // All files were moved and the plan was removed, but the empty folder was not.
        Err(error) if error.kind() == ErrorKind::NotFound => return fs::remove_dir(stage),
        Err(error) => return Err(error),
    };
    let Plan { removed, last } = serde_json::from_slice(&plan)?;
    // The folder may come from somebody else, and the plan says what is removed.
    if let Some(name) = removed.iter().chain(&last).find(|name| !is_file_name(name)) {
        let problem = format!("its plan names `{}`, which is no name of a file in it", quote(name));
        return Err(io::Error::new(ErrorKind::InvalidData, problem));
    }
    // A file that is still in the temporary folder did not replace the old one yet.
    let waiting = |name: &&String| stage.join(name).exists();
    last.iter().rev().filter(waiting).try_for_each(|name| remove(&target.join(name)))?;
    sync_folder(target);
    removed.iter().try_for_each(|name| remove(&target.join(name)))?;
    for entry in fs::read_dir(stage)? {
        let name = entry?.file_name();
        if name != PLAN && !last.iter().any(|last| name == **last) {
            fs::rename(stage.join(&name), target.join(&name))?;
        }
    }
    sync_folder(target);
    last.iter().filter(waiting).try_for_each(|name| fs::rename(stage.join(name), target.join(name)))?;
    sync_folder(target);
    remove(&stage.join(PLAN))?;
    fs::remove_dir(stage)
}

fn is_file_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, files: &[(&str, &str)]) {
        fs::create_dir_all(dir).unwrap();
        files.iter().for_each(|(name, text)| fs::write(dir.join(name), text).unwrap());
    }

    fn content(dir: &Path) -> Vec<(String, String)> {
        let names = crate::fs::file_names(dir).into_iter();
        names.map(|name| (name.clone(), fs::read_to_string(dir.join(name)).unwrap())).collect()
    }

    #[test]
    fn a_plan_that_leads_out_of_the_folder_is_refused() {
        for name in ["../precious", "/etc/hostname", "a/b", "..", "."] {
            let root = tempfile::tempdir().unwrap();
            let (stage, target) = (root.path().join("x.commit"), root.path().join("target"));
            write(root.path(), &[("precious", "1")]);
            write(&target, &[("config", "old")]);
            let plan = Plan { removed: vec![name.into()], last: vec![] };
            write(&stage, &[(PLAN, &serde_json::to_string(&plan).unwrap())]);
            let refused = complete(&stage, &target).unwrap_err().to_string();
            assert!(refused.contains("which is no name of a file in it"), "{refused}");
            assert!(root.path().join("precious").exists());
        }
    }

    /// Repeats the write with the first `n` system calls that change `target` done by hand, as a kill after them leaves it.
    #[test]
    fn a_write_that_was_interrupted_anywhere_is_completed() {
        let new = [("config", "new"), ("index", "new"), ("weights", "new")];
        let calls: [fn(&Path, &Path); 7] = [
            |_, target| fs::remove_file(target.join("config")).unwrap(),
            |_, target| fs::remove_file(target.join("index")).unwrap(),
            |_, target| fs::remove_file(target.join("stale")).unwrap(),
            |stage, target| fs::rename(stage.join("weights"), target.join("weights")).unwrap(),
            |stage, target| fs::rename(stage.join("index"), target.join("index")).unwrap(),
            |stage, target| fs::rename(stage.join("config"), target.join("config")).unwrap(),
            |stage, _| fs::remove_file(stage.join(PLAN)).unwrap(),
        ];
        for done in 0..=calls.len() {
            let root = tempfile::tempdir().unwrap();
            let (stage, target) = (root.path().join("x.commit"), root.path().join("target"));
            let old =
                [("config", "old"), ("index", "old"), ("weights", "old"), ("stale", "old"), ("kept", "")];
            write(&target, &old);
            write(&stage, &new);
            let plan = Plan { removed: vec!["stale".into()], last: vec!["index".into(), "config".into()] };
            write(&stage, &[(PLAN, &serde_json::to_string(&plan).unwrap())]);
            calls[..done].iter().for_each(|call| call(&stage, &target));
            let readable = target.join("config").exists();
            let whole = ["weights", "index"].map(|name| fs::read_to_string(target.join(name)).ok());
            assert!(!readable || whole[0] == whole[1], "mixed after {done} calls");
            complete(&stage, &target).unwrap();
            let expected = [&[("config", "new"), ("index", "new"), ("kept", "")][..], &new[2..]].concat();
            let expected: Vec<_> = expected.iter().map(|(n, t)| (n.to_string(), t.to_string())).collect();
            assert_eq!(content(&target), expected, "after {done} calls");
            assert!(!stage.exists());
        }
    }
}
