use std::path::{Path, PathBuf};

use burn::tensor::Device;
use ia3::io::Checkpoint;
use ia3::{Adapter, Model};

use crate::args::ModelArgs;
use crate::output::note;

/// Loads a base, saying which tensors of its file have no use.
pub(crate) fn base(dir: &Path, device: &Device) -> anyhow::Result<Model> {
    let base = ia3::from_pretrained(dir, device)?;
    if !base.report.unused.is_empty() {
        note(format!(
            "{} tensors of the checkpoint are unused: {}",
            base.report.unused.len(),
            base.report.unused.join(", ")
        ));
    }
    Ok(base.model)
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
    let adapters = adapters(&args.adapters, &base, device)?;
    let adapters: Vec<&Adapter> = adapters.iter().collect();
    Ok(match args.merge {
        true => ia3::merge(&base, &adapters)?,
        false => ia3::attach(&base, &adapters)?,
    })
}
