//! Replacing a folder by another one in one step.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use crate::fs::target::sync_folder;

/// Exchanges the folder `target` with the new folder `stage` beside it, which gets the permissions of `target` and a hard
/// link to each of its files that is not `replaced`. Afterwards `stage` is the old folder.
///
/// Returns `false`, and leaves `target` as it is, where this is not possible: the system or the file system cannot
/// exchange folders or link files; `target` holds folders, which have no hard links; it is the working directory of this
/// process or holds it; or it belongs to another user or group than new folders do, or has attributes that they do not have.
pub(crate) fn exchange(
    stage: &Path,
    target: &Path,
    replaced: impl Fn(&OsString) -> bool,
) -> io::Result<bool> {
    let Some(kept) = plain_files(target)?.map(|names| names.into_iter().filter(|name| !replaced(name)))
    else {
        return Ok(false);
    };
    let kept: Vec<OsString> = kept.collect();
    if is_in_use(target) || !same_owner(stage, target)? || has_attributes(target) {
        return Ok(false);
    }
    let permissions = fs::metadata(target)?.permissions();
    let exchanged = link(&kept, target, stage)
        .and_then(|()| fs::set_permissions(stage, permissions))
        .map(|()| sync_folder(stage))
        .and_then(|()| swap(stage, target));
    if exchanged.is_err() {
        unlink(&kept, stage)?;
        return Ok(false);
    }
    target.parent().into_iter().for_each(sync_folder);
    move_late_entries(stage, target, |name| kept.contains(name) || replaced(name))?;
    Ok(true)
}

/// The names in a folder, if all of them are files or symbolic links.
fn plain_files(dir: &Path) -> io::Result<Option<Vec<OsString>>> {
    let mut names = vec![];
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if !kind.is_file() && !kind.is_symlink() {
            return Ok(None);
        }
        names.push(entry.file_name());
    }
    Ok(Some(names))
}

/// Whether the working directory of this process is the folder or lies in it. A shell in it would be left in a folder that
/// has no name any more.
fn is_in_use(dir: &Path) -> bool {
    let current = std::env::current_dir().and_then(|dir| dir.canonicalize());
    current.map_or(true, |current| current.starts_with(dir))
}

#[cfg(unix)]
fn same_owner(a: &Path, b: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (a, b) = (fs::metadata(a)?, fs::metadata(b)?);
    Ok((a.uid(), a.gid()) == (b.uid(), b.gid()))
}

#[cfg(not(unix))]
fn same_owner(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Whether a folder has attributes of the user's or an access control list, which its replacement would not have.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn has_attributes(dir: &Path) -> bool {
    let mut names = [0u8; 4096];
    match rustix::fs::listxattr(dir, &mut names) {
        Ok(len) => names[..len.min(names.len())]
            .split(|byte| *byte == 0)
            .any(|name| name.starts_with(b"user.") || name.starts_with(b"system.posix_acl")),
        Err(error) => error == rustix::io::Errno::RANGE,
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn has_attributes(_: &Path) -> bool {
    false
}

fn link(names: &[OsString], from: &Path, to: &Path) -> io::Result<()> {
    names.iter().try_for_each(|name| fs::hard_link(from.join(name), to.join(name)))
}

fn unlink(names: &[OsString], dir: &Path) -> io::Result<()> {
    names.iter().try_for_each(|name| match fs::remove_file(dir.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    })
}

/// Moves entries that another program added to the old folder in the last moment to the new one.
fn move_late_entries(old: &Path, new: &Path, known: impl Fn(&OsString) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(old)? {
        let name = entry?.file_name();
        if !known(&name) && !new.join(&name).exists() {
            fs::rename(old.join(&name), new.join(&name))?;
        }
    }
    Ok(())
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn swap(a: &Path, b: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn swap(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
