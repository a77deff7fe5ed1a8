//! Names on the hub in place of folders: what a command names is in the cache before the command runs.

use std::path::{Path, PathBuf};

use ia3::hub::{Fetched, Hub, HubError, Kind, RepoId};

use crate::args::Command;
use crate::output::note;
use crate::progress::Progress;

/// Replaces the names on the hub in a command by folders of its cache.
///
/// # Errors
///
/// A repository cannot be downloaded, or is no base or no adapter.
pub(crate) fn fill(command: &mut Command) -> anyhow::Result<()> {
    if let Command::Inspect(inspect) = command {
        inspect.path = of_any_kind(&inspect.path)?;
    }
    if let Command::Convert(convert) = command {
        convert.path = of_any_kind(&convert.path)?;
    }
    if let Command::Eval(eval) = command {
        for adapter in &mut eval.adapters {
            if let Some(path) = folder(Path::new(adapter), Kind::Adapter)?.to_str() {
                *adapter = path.into();
            }
        }
    }
    let chats = matches!(command, Command::Chat(_));
    let (base, adapters) = command.places();
    for adapter in adapters {
        *adapter = named_folder(adapter, chats)?;
    }
    if let Some(base) = base {
        *base = folder(base, Kind::Base)?;
    }
    Ok(())
}

/// The folder of a path: itself, or a download if it is a name on the hub and no folder here.
pub(crate) fn folder(path: &Path, kind: Kind) -> anyhow::Result<PathBuf> {
    match RepoId::of_path(path) {
        Some(id) => Ok(download(&id, kind)?.folder),
        None => Ok(path.to_owned()),
    }
}

/// As [`folder`], for `NAME=DIR` too. `names` asks for a name where none is given: that of the repository, since the folder
/// of a download is called after its commit.
fn named_folder(arg: &Path, names: bool) -> anyhow::Result<PathBuf> {
    if let Some(id) = RepoId::of_path(arg) {
        let folder = download(&id, Kind::Adapter)?.folder;
        let name = id.name().rsplit('/').next().filter(|_| names);
        return Ok(name.map_or(folder.clone(), |name| format!("{name}={}", folder.display()).into()));
    }
    match arg.to_str().and_then(|text| text.split_once('=')).filter(|_| !arg.exists()) {
        Some((name, path)) => {
            let folder = folder(Path::new(path), Kind::Adapter)?;
            Ok(format!("{name}={}", folder.display()).into())
        }
        None => Ok(arg.to_owned()),
    }
}

/// The folder of an adapter, or of a base if the repository is none.
fn of_any_kind(path: &Path) -> anyhow::Result<PathBuf> {
    let Some(id) = RepoId::of_path(path) else { return Ok(path.to_owned()) };
    match fetch(&id, Kind::Adapter) {
        Err(HubError::NotA { .. } | HubError::Offline { .. }) => Ok(download(&id, Kind::Base)?.folder),
        fetched => Ok(noted(&id, fetched?).folder),
    }
}

fn download(id: &RepoId, kind: Kind) -> Result<Fetched, HubError> {
    Ok(noted(id, fetch(id, kind)?))
}

/// Says which files are used.
fn noted(id: &RepoId, fetched: Fetched) -> Fetched {
    note(format!("`{id}` is commit {} of the hub", fetched.commit));
    if let Some(reason) = &fetched.unreachable {
        note(format!("it is what an earlier run downloaded, for {reason}"));
    }
    fetched
}

fn fetch(id: &RepoId, kind: Kind) -> Result<Fetched, HubError> {
    const MB: u64 = 1_000_000;
    let mut bar: Option<(u64, Progress)> = None;
    let mut asking = Some(Progress::waiting("asking the hub"));
    Hub::from_env().fetch(id, kind, &mut |at| {
        drop(asking.take());
        if bar.as_ref().is_none_or(|(total, _)| *total != at.total) {
            let total = at.total.div_ceil(MB) as usize;
            bar = Some((at.total, Progress::of("downloading", total, (at.done / MB) as usize, "MB")));
        }
        if let Some((_, bar)) = &bar {
            bar.set(at.done.div_ceil(MB) as usize, at.file);
        }
    })
}
