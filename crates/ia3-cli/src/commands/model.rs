use std::path::{Path, PathBuf};

use burn::tensor::Device;
use ia3::io::Checkpoint;
use ia3::{Adapter, Model, Pretrained};

use crate::args::ModelArgs;
use crate::output::note;

/// Loads a base, saying which tensors of its file have no use.
pub(crate) fn base(dir: &Path, device: &Device) -> anyhow::Result<Pretrained> {
    let base = ia3::from_pretrained(dir, device)?;
    if !base.report.unused.is_empty() {
        let unused = &base.report.unused;
        note(format!("{} tensors of the checkpoint are unused: {}", unused.len(), unused.join(", ")));
    }
    Ok(base)
}

/// Says which parameters come neither from the checkpoint nor from an adapter.
pub(crate) fn note_fresh(base: &Pretrained, adapters: &[Adapter]) {
    let brought = |name: &&String| adapters.iter().any(|a| a.saved.contains_key(*name));
    let fresh: Vec<&str> =
        base.report.missing.iter().filter(|name| !brought(name)).map(String::as_str).collect();
    if !fresh.is_empty() {
        note(format!("not in the checkpoint and so freshly initialised: {}", fresh.join(", ")));
    }
}

/// A base without its weights.
pub(crate) fn shapes(dir: &Path, device: &Device) -> anyhow::Result<Model> {
    let config = ia3::read_config(dir)?;
    Ok(ia3::with_head_of(config, &Checkpoint::open(dir)?)?.init(device))
}

/// Loads adapters that must fit `base`.
pub(crate) fn adapters(dirs: &[PathBuf], base: &Model, device: &Device) -> anyhow::Result<Vec<Adapter>> {
    let info = base.info();
    dirs.iter().map(|dir| Ok(ia3::io::load_adapter(dir, &info, device)?)).collect()
}

/// The model that the arguments describe.
pub(crate) fn adapted(args: &ModelArgs, device: &Device) -> anyhow::Result<Model> {
    let base = base(&args.base, device)?;
    let adapters = adapters(&args.adapters, &base.model, device)?;
    note_fresh(&base, &adapters);
    let adapters: Vec<&Adapter> = adapters.iter().collect();
    Ok(match args.merge {
        true => ia3::merge(&base.model, &adapters)?,
        false => ia3::attach(&base.model, &adapters)?,
    })
}
