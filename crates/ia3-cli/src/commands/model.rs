use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::bail;
use burn::tensor::{Device, FloatDType};
use ia3::core::Adapter;
use ia3::io::Checkpoint;
use ia3::models::Model;
use ia3::{Bits, Ia3Model, Pretrained, PretrainedOptions, Quantization};

use super::labels::config_for;
use crate::args::{DtypeName, ModelArgs, QuantizeName};
use crate::output::note;

/// Loads a base, saying which tensors of its file have no use.
pub(crate) fn base(dir: &Path, device: &Device) -> anyhow::Result<Pretrained> {
    base_with(dir, &PretrainedOptions::new(), device)
}

/// Loads a base in another way, saying what that did.
pub(crate) fn base_with(
    dir: &Path,
    options: &PretrainedOptions,
    device: &Device,
) -> anyhow::Result<Pretrained> {
    let base = options.load(dir, device)?;
    if let Some(report) = &base.quantized {
        let (layers, worst) = (report.errors.len(), report.worst());
        note(format!("{layers} layers quantised, relative error of a weight {worst:.1e} at most"));
    }
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

/// What the arguments describe: a model for all rows, or named adapters and the name of each row's.
pub(crate) enum Adapted {
    All(Box<Model>),
    ByRow { model: Box<Ia3Model<Model>>, names: Vec<String> },
}

impl Adapted {
    pub(crate) fn new(args: &ModelArgs, device: &Device) -> anyhow::Result<Self> {
        match args.rows.is_empty() {
            true => Ok(Self::All(Box::new(adapted(args, device)?))),
            false => by_row(args, device),
        }
    }

    /// The model of an input of so many rows, all in one batch.
    pub(crate) fn whole(&self, rows: usize) -> anyhow::Result<Model> {
        self.check(rows)?;
        self.rows(0..rows)
    }

    /// There is a name for each of the rows, if there are names.
    pub(crate) fn check(&self, rows: usize) -> anyhow::Result<()> {
        match self {
            Self::ByRow { names, .. } if names.len() != rows => {
                bail!("`--rows` names {}, but the input has {}", count(names.len()), count(rows))
            }
            _ => Ok(()),
        }
    }

    /// The model of a batch of these rows of the input.
    pub(crate) fn rows(&self, rows: Range<usize>) -> anyhow::Result<Model> {
        match self {
            Self::All(model) => Ok(Model::clone(model)),
            Self::ByRow { model, names } => Ok(model.rows(&names[rows])?),
        }
    }

    /// The architecture; its weights may be those of the base.
    pub(crate) fn base(&self) -> &Model {
        match self {
            Self::All(model) => model,
            Self::ByRow { model, .. } => model.base(),
        }
    }
}

fn count(rows: usize) -> String {
    if rows == 1 { "1 row".into() } else { format!("{rows} rows") }
}

fn by_row(args: &ModelArgs, device: &Device) -> anyhow::Result<Adapted> {
    let named = args.adapters.iter().map(|arg| name(arg)).collect::<anyhow::Result<Vec<_>>>()?;
    let folders: Vec<PathBuf> = named.iter().map(|(_, dir)| dir.clone()).collect();
    let options = options(args).with_config(config_for(&args.base, &folders)?);
    let base = base_with(&args.base, &options, device)?;
    let mut model = Ia3Model::builder(base.model.clone()).without_adapter()?;
    for (name, dir) in &named {
        model.load_adapter(dir, name)?;
    }
    let adapters: Vec<Adapter> = named.iter().filter_map(|(name, _)| model.adapter(name).cloned()).collect();
    note_fresh(&base, &adapters);
    model.rows(&args.rows)?;
    Ok(Adapted::ByRow { model: Box::new(model), names: args.rows.clone() })
}

/// `NAME=DIR`.
fn name(arg: &Path) -> anyhow::Result<(String, PathBuf)> {
    let text = arg.to_string_lossy();
    match text.split_once('=') {
        Some((name, dir)) => Ok((name.into(), dir.into())),
        None => bail!("`--adapter {text}` has no name for `--rows`; write `--adapter NAME={text}`"),
    }
}

fn adapted(args: &ModelArgs, device: &Device) -> anyhow::Result<Model> {
    if let Some(arg) = args.adapters.iter().find(|arg| !arg.exists() && name(arg).is_ok()) {
        bail!(
            "`--adapter {}` has a name, which is for `--rows`; without it give the folder alone",
            arg.display()
        )
    }
    let options = options(args).with_config(config_for(&args.base, &args.adapters)?);
    let base = base_with(&args.base, &options, device)?;
    let adapters = adapters(&args.adapters, &base.model, device)?;
    note_fresh(&base, &adapters);
    let adapters: Vec<&Adapter> = adapters.iter().collect();
    Ok(match args.merge {
        true => ia3::merge(&base.model, &adapters)?,
        false => ia3::attach(&base.model, &adapters)?,
    })
}

/// How the arguments want the base.
fn options(args: &ModelArgs) -> PretrainedOptions {
    let dtype = match args.dtype {
        DtypeName::Auto => None,
        DtypeName::Float32 => Some(FloatDType::F32),
        DtypeName::Bfloat16 => Some(FloatDType::BF16),
        DtypeName::Float16 => Some(FloatDType::F16),
    };
    let options = PretrainedOptions::new().with_dtype(dtype);
    match args.quantize {
        Some(name) => options.with_quantization(Quantization { bits: bits(name), head: args.quantize_head }),
        None => options,
    }
}

pub(crate) fn bits(name: QuantizeName) -> Bits {
    match name {
        QuantizeName::Int8 => Bits::Eight,
        QuantizeName::Int4 => Bits::Four,
    }
}
