//! Folders as one unit: what is replaced, what is kept, and what another process or a kill finds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ia3_io::fs::file_names;
use ia3_io::{FileError, FolderWrite, Leftover, OutputFolder};
use ia3_testing::skip;

/// Writes `config` and `weights` with this content, in place of these two and `stale`.
fn write(dir: &Path, content: &str) -> Vec<Leftover> {
    let folder = OutputFolder::lock(dir).unwrap();
    let mut write = FolderWrite::new(&folder).unwrap();
    write.text("weights", content).unwrap();
    write.text("config", content).unwrap();
    write.remove("stale");
    write.last(&["config"]);
    let written = write.commit().unwrap();
    assert_eq!(written.files, [dir.join("weights"), dir.join("config")]);
    assert_eq!(written.bytes, 2 * content.len() as u64);
    folder.leftovers().to_vec()
}

fn assert_content(dir: &Path, content: &str, names: &[&str]) {
    assert_eq!(file_names(dir), names);
    for name in ["config", "weights"] {
        assert_eq!(fs::read_to_string(dir.join(name)).unwrap(), content, "{name}");
    }
}

/// A folder with an earlier content, and a file of the user's.
fn existing(root: &Path) -> PathBuf {
    let dir = root.join("out");
    fs::create_dir(&dir).unwrap();
    for name in ["config", "weights", "stale"] {
        fs::write(dir.join(name), "old").unwrap();
    }
    fs::write(dir.join("notes"), "mine").unwrap();
    dir
}

#[test]
fn a_new_folder_appears_with_its_parents() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("a/b");
    assert!(write(&dir, "new").is_empty());
    assert_content(&dir, "new", &["config", "weights"]);
    assert_eq!(file_names(&root.path().join("a")), ["b"]);
}

#[test]
fn an_existing_folder_keeps_what_does_not_belong_to_the_write() {
    let root = tempfile::tempdir().unwrap();
    let dir = existing(root.path());
    write(&dir, "new");
    assert_content(&dir, "new", &["config", "notes", "weights"]);
    assert_eq!(fs::read_to_string(dir.join("notes")).unwrap(), "mine");
    assert_eq!(file_names(root.path()), ["out"]);
}

#[cfg(target_os = "linux")]
#[test]
fn an_existing_folder_is_exchanged_and_one_with_folders_in_it_is_not() {
    use std::os::unix::fs::MetadataExt;
    let root = tempfile::tempdir().unwrap();
    let dir = existing(root.path());
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    let (before, notes) = (inode(&dir), inode(&dir.join("notes")));
    write(&dir, "new");
    let exchanged = inode(&dir);
    assert_ne!(exchanged, before);
    assert_eq!(inode(&dir.join("notes")), notes, "a kept file is linked, not copied");
    fs::create_dir(dir.join("checkpoints")).unwrap();
    fs::write(dir.join("stale"), "old").unwrap();
    write(&dir, "newer");
    assert_eq!(inode(&dir), exchanged);
    assert_content(&dir, "newer", &["checkpoints", "config", "notes", "weights"]);
    assert_eq!(file_names(root.path()), ["out"]);
}

#[test]
fn a_failure_leaves_the_old_content_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let dir = existing(root.path());
    let folder = OutputFolder::lock(&dir).unwrap();
    let mut write = FolderWrite::new(&folder).unwrap();
    write.text("weights", "new").unwrap();
    let failed = write.file("config", |_| Err(std::io::Error::other("no"))).unwrap_err();
    assert!(failed.to_string().ends_with("out/config`: no"), "{failed}");
    drop(write);
    drop(folder);
    assert_content(&dir, "old", &["config", "notes", "stale", "weights"]);
    assert_eq!(file_names(root.path()), ["out"]);
}

#[test]
fn a_folder_in_the_way_is_kept_or_refused() {
    let root = tempfile::tempdir().unwrap();
    let dir = existing(root.path());
    fs::remove_file(dir.join("stale")).unwrap();
    fs::create_dir(dir.join("stale")).unwrap();
    write(&dir, "new");
    assert_content(&dir, "new", &["config", "notes", "stale", "weights"]);
    let folder = OutputFolder::lock(&dir).unwrap();
    let error = FolderWrite::new(&folder).unwrap().text("stale", "").unwrap_err().to_string();
    assert!(error.ends_with("out/stale`: is a directory"), "{error}");
}

#[test]
fn one_process_writes_at_a_time() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("out");
    let folder = OutputFolder::lock(&dir).unwrap();
    assert!(!folder.path().exists() && folder.is_empty());
    for other in ["out", "x/../out"] {
        match OutputFolder::lock(root.path().join(other)) {
            Err(FileError::InUse { process, .. }) => assert_eq!(process, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
    }
    drop(folder);
    write(&dir, "new");
    let folder = OutputFolder::lock(&dir).unwrap();
    assert!(OutputFolder::lock(root.path().join("out/../out")).is_err());
    assert!(folder.is(&root.path().join("out/.")) && !folder.is_empty());
    drop(folder);
    assert_eq!(file_names(root.path()), ["out"]);
}

#[test]
fn what_kills_left_is_removed_or_completed_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let dir = existing(root.path());
    let path = |name: &str| root.path().join(name);
    let others = [".out.ia3-notes", ".other.ia3-AAAAAA.partial", "out.ia3-AAAAAA.partial", ".out.partial"];
    others.iter().for_each(|name| fs::create_dir(path(name)).unwrap());
    fs::write(path(".out.ia3-lock"), "4194304000").unwrap();
    fs::create_dir(path(".out.ia3-AAAAAA.partial")).unwrap();
    fs::write(path(".out.ia3-AAAAAA.partial/weights"), "half").unwrap();
    fs::write(dir.join(".ia3-BBBBBB.tmp"), "half").unwrap();
    // The first of two files was moved.
    fs::remove_file(dir.join("config")).unwrap();
    fs::write(dir.join("weights"), "newer").unwrap();
    let commit = dir.join(".ia3-CCCCCC.commit");
    fs::create_dir(&commit).unwrap();
    fs::write(commit.join("config"), "newer").unwrap();
    fs::write(commit.join(".plan.json"), r#"{"removed": ["stale"], "last": ["config"]}"#).unwrap();
    let folder = OutputFolder::lock(&dir).unwrap();
    let root_dir = root.path().canonicalize().unwrap();
    let expected = [
        Leftover::Completed(root_dir.join("out")),
        Leftover::Removed(root_dir.join(".out.ia3-AAAAAA.partial")),
        Leftover::Removed(root_dir.join("out/.ia3-BBBBBB.tmp")),
    ];
    assert_eq!(folder.leftovers(), expected);
    drop(folder);
    assert_content(&dir, "newer", &["config", "notes", "weights"]);
    let mut left = [&others[..], &["out"]].concat();
    left.sort();
    assert_eq!(file_names(root.path()), left);
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_is_written_through() {
    use std::os::unix::fs::symlink;
    let root = tempfile::tempdir().unwrap();
    let dir = existing(root.path());
    for (link, to) in [("to-old", "out"), ("to-new", "new")] {
        symlink(to, root.path().join(link)).unwrap();
        write(&root.path().join(link), "new");
        assert!(root.path().join(link).is_symlink());
    }
    assert_content(&dir, "new", &["config", "notes", "weights"]);
    assert_content(&root.path().join("new"), "new", &["config", "weights"]);
    // A file that is a link itself, as in Hugging Face's cache, is replaced, because its folder is what is written.
    fs::write(root.path().join("blob"), "shared").unwrap();
    fs::remove_file(dir.join("weights")).unwrap();
    symlink("../blob", dir.join("weights")).unwrap();
    symlink("../blob", dir.join("link")).unwrap();
    write(&dir, "newer");
    assert_content(&dir, "newer", &["config", "link", "notes", "weights"]);
    assert_eq!(fs::read_to_string(root.path().join("blob")).unwrap(), "shared");
    assert_eq!(fs::read_to_string(dir.join("link")).unwrap(), "shared");
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o7777
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

#[cfg(unix)]
#[test]
fn permissions_are_those_of_new_files_or_of_the_ones_that_are_replaced() {
    let root = tempfile::tempdir().unwrap();
    let plain = root.path().join("plain");
    fs::create_dir(&plain).unwrap();
    fs::write(plain.join("file"), "").unwrap();
    let dir = root.path().join("out");
    write(&dir, "old");
    assert_eq!((mode(&dir), mode(&dir.join("config"))), (mode(&plain), mode(&plain.join("file"))));
    set_mode(&dir, 0o750);
    set_mode(&dir.join("weights"), 0o600);
    write(&dir, "new");
    assert_eq!((mode(&dir), mode(&dir.join("weights"))), (0o750, 0o600));
    assert_eq!(mode(&dir.join("config")), mode(&plain.join("file")));
}

#[cfg(unix)]
#[test]
fn a_folder_that_must_not_be_changed_is_not_and_one_in_a_protected_folder_is_written() {
    if !ia3_testing::unprivileged(
        "folder_write::a_folder_that_must_not_be_changed_is_not_and_one_in_a_protected_folder_is_written",
    ) {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let dir = existing(root.path());
    set_mode(&dir, 0o555);
    let error = OutputFolder::lock(&dir).unwrap_err().to_string();
    assert!(error.ends_with("out`: Permission denied (os error 13)"), "{error}");
    set_mode(&dir, 0o755);
    set_mode(root.path(), 0o555);
    let folder = OutputFolder::lock(&dir).unwrap();
    assert!(matches!(OutputFolder::lock(&dir), Err(FileError::InUse { .. })));
    drop(folder);
    write(&dir, "new");
    set_mode(root.path(), 0o755);
    assert_content(&dir, "new", &["config", "notes", "weights"]);
}

#[cfg(unix)]
#[test]
fn the_folder_of_another_user_stays_theirs() {
    use std::os::unix::fs::{MetadataExt, chown};
    let root = tempfile::tempdir().unwrap();
    let dir = existing(root.path());
    if chown(&dir, Some(65534), Some(65534)).is_err() {
        return skip("the owner of a folder cannot be changed; run the test as root");
    }
    write(&dir, "new");
    assert_content(&dir, "new", &["config", "notes", "weights"]);
    assert_eq!(fs::metadata(&dir).unwrap().uid(), 65534);
}

/// Mounts at a folder, and unmounts at the end.
struct Mounted(PathBuf);

impl Mounted {
    fn new(args: &[&str], at: &Path) -> Option<Self> {
        let mounted = Command::new("mount").args(args).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_mount_point_is_written() {
    let root = tempfile::tempdir().unwrap();
    let dir = existing(root.path());
    let source = root.path().join("source");
    fs::create_dir(&source).unwrap();
    let bind = ["--bind", &source.display().to_string()].map(str::to_string);
    for args in [&["-t", "tmpfs", "tmpfs"][..], &[&bind[0], &bind[1]]] {
        let Some(mounted) = Mounted::new(args, &dir) else {
            return skip("nothing can be mounted; run the test as root");
        };
        fs::write(dir.join("stale"), "old").unwrap();
        for content in ["one", "two"] {
            write(&dir, content);
            assert_content(&dir, content, &["config", "weights"]);
        }
        let folder = OutputFolder::lock(&dir).unwrap();
        assert!(matches!(OutputFolder::lock(&dir), Err(FileError::InUse { .. })));
        assert_eq!(
            file_names(&dir),
            [".ia3-lock", "config", "weights"],
            "containers share this folder alone"
        );
        drop(folder);
        drop(mounted);
    }
    assert_content(&dir, "old", &["config", "notes", "stale", "weights"]);
}

#[test]
fn a_full_disk_leaves_the_old_content() {
    let root = tempfile::tempdir().unwrap();
    let Some(mounted) = Mounted::new(&["-t", "tmpfs", "-o", "size=64k", "tmpfs"], root.path()) else {
        return skip("a small file system cannot be mounted; run the test as root");
    };
    let dir = existing(root.path());
    let folder = OutputFolder::lock(&dir).unwrap();
    let mut write = FolderWrite::new(&folder).unwrap();
    let error = write.text("weights", &"x".repeat(1 << 17)).unwrap_err().to_string();
    assert!(error.ends_with("out/weights`: No space left on device (os error 28)"), "{error}");
    drop(write);
    drop(folder);
    assert_content(&dir, "old", &["config", "notes", "stale", "weights"]);
    assert_eq!(file_names(root.path()), ["out"]);
    drop(mounted);
}
