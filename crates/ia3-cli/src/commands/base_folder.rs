//! The base of a command without `--base`: the folder that the adapter names.

use std::path::{Path, PathBuf};

#[cfg(feature = "hub")]
use anyhow::Context;
use anyhow::{anyhow, bail};
#[cfg(feature = "hub")]
use ia3::hub::{Kind, RepoId};
use ia3::io::AdapterFile;
use ia3_guard::{quote, quote_path};

#[cfg(feature = "hub")]
use super::hub_names;
use crate::args::Command;
use crate::output::note;

/// Sets the base of a command that was called without `--base`.
///
/// # Errors
///
/// There is no adapter, or the first one names no base, or what it names is not a folder here.
pub(crate) fn fill(command: &mut Command) -> anyhow::Result<()> {
    if let Command::Merge(merge) = command
        && merge.gguf.is_none()
    {
        merge.base.get_or_insert_default();
    }
    if let Command::Eval(eval) = command {
        let seed = eval.seeds.first().map(u64::to_string).unwrap_or_default();
        let first = eval.adapters.first().map(|folder| PathBuf::from(folder.replace("{seed}", &seed)));
        return set(&mut eval.base, first.as_deref());
    }
    let (base, adapters) = command.places();
    base.map_or(Ok(()), |base| set(base, adapters.first().map(|adapter| adapter.as_path())))
}

/// Sets a base that the command does not name.
fn set(base: &mut PathBuf, adapter: Option<&Path>) -> anyhow::Result<()> {
    if base.as_os_str().is_empty() {
        let Some(adapter) = adapter else {
            bail!("there is no base; give its folder with --base, or an adapter that names it with --adapter")
        };
        *base = named_by(&without_name(adapter))?;
        note(format!("the base is `{}`, which the adapter names", quote_path(base)));
    }
    Ok(())
}

/// The folder of the base that an adapter names.
fn named_by(adapter: &Path) -> anyhow::Result<PathBuf> {
    let place = quote_path(adapter);
    match AdapterFile::open(adapter)?.config.base_model_name_or_path {
        None => Err(anyhow!("the adapter `{place}` names no base; give the folder of the base with --base")),
        Some(name) if is_base(Path::new(&name)) => Ok(name.into()),
        #[cfg(feature = "hub")]
        Some(name) if RepoId::of_path(Path::new(&name)).is_some() => {
            hub_names::folder(Path::new(&name), Kind::Base).with_context(|| {
                format!("cannot get the base that the adapter `{place}` names; --base gives its folder")
            })
        }
        Some(name) => Err(anyhow!(
            "the adapter `{place}` names the base `{}`, which is no folder of a model here; give the folder of the base \
             with --base",
            quote(&name)
        )),
    }
}

fn is_base(path: &Path) -> bool {
    path.join("config.json").is_file() || ia3_gguf::is_gguf(path)
}

/// The folder in `NAME=DIR`, or in `DIR` alone.
fn without_name(arg: &Path) -> PathBuf {
    if arg.exists() {
        return arg.to_owned();
    }
    let text = arg.to_string_lossy();
    text.split_once('=').map_or(arg.to_owned(), |(_, dir)| dir.into())
}
