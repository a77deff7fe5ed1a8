//! The model that a command runs: a base with adapters, for all rows or by row.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::bail;
use burn::tensor::Device;
use ia3::core::Adapter;
use ia3::io::Checkpoint;
use ia3::models::Model;
use ia3::{Ia3Model, ModelConfig, Pretrained, PretrainedOptions, Quantization};
use ia3_guard::quote_path;

use super::base_config;
use super::base_model::{self, bits, load_with, note_fresh};
use crate::args::ModelArgs;

/// The model that `--base`, `--adapter` and `--rows` describe.
pub(crate) enum AdaptedModel {
    /// One model for all rows.
    All(Box<Model>),
    /// Named adapters, and the adapter name of each row.
    ByRow { model: Box<Ia3Model<Model>>, names: Vec<String> },
}

impl AdaptedModel {
    /// Loads the base and the adapters.
    pub(crate) fn new(args: &ModelArgs, device: &Device) -> anyhow::Result<Self> {
        check_names(args)?;
        match args.rows.is_empty() {
            true => Ok(Self::All(Box::new(adapted(args, config(args, &args.adapters)?, device)?))),
            false => by_row(args, config(args, &folders(args)?)?, device),
        }
    }

    /// As [`new`](Self::new), with an encoder without its head.
    pub(crate) fn without_head(args: &ModelArgs, device: &Device) -> anyhow::Result<Self> {
        check_names(args)?;
        let config = base_config::without_head(ia3::read_config(&args.base)?);
        match args.rows.is_empty() {
            true => Ok(Self::All(Box::new(adapted(args, config, device)?))),
            false => by_row(args, config, device),
        }
    }

    /// The model for an input of `rows` rows in one batch.
    pub(crate) fn for_all(&self, rows: usize) -> anyhow::Result<Model> {
        self.check(rows)?;
        self.for_rows(0..rows)
    }

    /// Checks that `--rows` names an adapter for each of the `rows` rows.
    pub(crate) fn check(&self, rows: usize) -> anyhow::Result<()> {
        match self {
            Self::ByRow { names, .. } if names.len() != rows => {
                bail!(
                    "`--rows` has names for {}, but the input has {}; give one name per row",
                    count(names.len()),
                    count(rows)
                )
            }
            _ => Ok(()),
        }
    }

    /// The model for a batch of these rows of the input.
    pub(crate) fn for_rows(&self, rows: Range<usize>) -> anyhow::Result<Model> {
        match self {
            Self::All(model) => Ok(Model::clone(model)),
            Self::ByRow { model, names } => Ok(model.rows(&names[rows])?),
        }
    }

    /// The model for questions about the architecture; its weights may be those of the base.
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

/// Refuses a name of an adapter without `--rows`.
fn check_names(args: &ModelArgs) -> anyhow::Result<()> {
    if !args.rows.is_empty() {
        return Ok(());
    }
    if let Some(arg) = args.adapters.iter().find(|arg| !arg.exists() && name(arg).is_ok()) {
        bail!(
            "`--adapter {}` has a name, which only `--rows` uses; add `--rows`, or give the folder alone",
            arg.display()
        )
    }
    Ok(())
}

/// The folders of named adapters.
fn folders(args: &ModelArgs) -> anyhow::Result<Vec<PathBuf>> {
    args.adapters.iter().map(|arg| Ok(name(arg)?.1)).collect()
}

fn by_row(args: &ModelArgs, config: ModelConfig, device: &Device) -> anyhow::Result<AdaptedModel> {
    let named = args.adapters.iter().map(|arg| name(arg)).collect::<anyhow::Result<Vec<_>>>()?;
    let options = options(args).with_config(config);
    let base = load(args, &options, device)?;
    let mut model = Ia3Model::builder(base.model.clone()).without_adapter()?;
    for (name, dir) in &named {
        model.load_adapter(dir, name)?;
    }
    let adapters: Vec<Adapter> = named.iter().filter_map(|(name, _)| model.adapter(name).cloned()).collect();
    for ((_, dir), adapter) in named.iter().zip(&adapters) {
        base_model::note_adapter(dir, adapter, &args.base, base.model.task());
    }
    note_fresh(&base, &adapters);
    model.rows(&args.rows)?;
    Ok(AdaptedModel::ByRow { model: Box::new(model), names: args.rows.clone() })
}

/// Splits `NAME=DIR`.
fn name(arg: &Path) -> anyhow::Result<(String, PathBuf)> {
    let mut parts = arg.as_os_str().as_encoded_bytes().splitn(2, |byte| *byte == b'=');
    match (parts.next().map(std::str::from_utf8), parts.next()) {
        (Some(Ok(name)), Some(dir)) => Ok((name.into(), path(dir))),
        _ => {
            let text = arg.display();
            bail!("`--adapter {text}` has no name, which `--rows` needs; write `--adapter NAME={text}`")
        }
    }
}

/// The path of these bytes, which are a part of one.
#[cfg(unix)]
fn path(bytes: &[u8]) -> PathBuf {
    <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes).into()
}

/// The path of these bytes, which are a part of one.
#[cfg(not(unix))]
fn path(bytes: &[u8]) -> PathBuf {
    String::from_utf8_lossy(bytes).into_owned().into()
}

fn adapted(args: &ModelArgs, config: ModelConfig, device: &Device) -> anyhow::Result<Model> {
    let options = options(args).with_config(config);
    let base = load(args, &options, device)?;
    let adapters = base_model::adapters(&args.adapters, &base.model, &args.base, device)?;
    note_fresh(&base, &adapters);
    let adapters: Vec<&Adapter> = adapters.iter().collect();
    Ok(match args.merge {
        true => {
            let moved = ia3::move_inputs(&base.model, &adapters);
            ia3::merge(&base.model, &moved.iter().collect::<Vec<_>>())?
        }
        false => ia3::attach(&base.model, &adapters)?,
    })
}

/// The configuration of the base, with the head that the options and the adapters choose.
fn config(args: &ModelArgs, adapters: &[PathBuf]) -> anyhow::Result<ModelConfig> {
    base_config::with_head(&args.base, &args.head, adapters)
}

/// Loads the base. A base of floats has no integers that could be multiplied.
fn load(args: &ModelArgs, options: &PretrainedOptions, device: &Device) -> anyhow::Result<Pretrained> {
    let stored = Checkpoint::open(&args.base)?.quantization()?;
    if args.fast_integers && args.quantize.is_none() && !args.keep_quantized && stored.is_none() {
        let dir = quote_path(&args.base);
        bail!(
            "`--fast-integers` needs a quantised base, and `{dir}` is read as floats; add `--quantize int8` or `--quantize int4`, or \
             `--keep-quantized` for integers of another program"
        )
    }
    load_with(&args.base, options, device)
}

/// The options for loading the base.
fn options(args: &ModelArgs) -> PretrainedOptions {
    let options = PretrainedOptions::new()
        .with_dtype(base_model::dtype(args.dtype))
        .with_keep_quantized(args.keep_quantized)
        .with_fast_integers(args.fast_integers);
    match args.quantize {
        Some(name) => options.with_quantization(Quantization::new(bits(name)).with_head(args.quantize_head)),
        None => options,
    }
}
