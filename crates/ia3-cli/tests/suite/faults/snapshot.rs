//! What lies at a path.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// The files at a path with their contents: names relative to a folder, or one empty name for a file. Empty where nothing is.
pub(crate) type Snapshot = BTreeMap<String, Vec<u8>>;

/// The files at `path` whose names are `wanted`.
pub(crate) fn snapshot(path: &Path, wanted: fn(&str) -> bool) -> Snapshot {
    let mut found = Snapshot::new();
    for name in names(path).into_iter().filter(|name| wanted(name)) {
        let file = if name.is_empty() { path.to_owned() } else { path.join(&name) };
        // Another process may have removed the file in the meantime.
        found.extend(fs::read(file).ok().map(|bytes| (name, bytes)));
    }
    found
}

/// The names of all files below `path`, hidden ones too, with `/` between folders. Empty folders end with `/`.
pub(crate) fn names(path: &Path) -> Vec<String> {
    let mut found = vec![];
    if path.is_dir() {
        // A folder that another process removes has no names.
        let _ = add_names(path, "", &mut found);
    } else if path.exists() {
        found.push(String::new());
    }
    found.sort();
    found
}

fn add_names(dir: &Path, prefix: &str, found: &mut Vec<String>) -> io::Result<()> {
    let (before, mut empty) = (prefix.to_string(), true);
    for entry in fs::read_dir(dir)? {
        let (entry, _) = (entry?, empty = false);
        let name = format!("{before}{}", entry.file_name().to_string_lossy());
        match entry.file_type()?.is_dir() {
            true => add_names(&entry.path(), &format!("{name}/"), found)?,
            false => found.push(name),
        }
    }
    if empty && !before.is_empty() {
        found.push(before);
    }
    Ok(())
}

/// Copies a folder with everything in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}
