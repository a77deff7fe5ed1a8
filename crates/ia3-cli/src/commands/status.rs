//! `ia3 status`.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use burn::tensor::Device;
use ia3::io::{AdapterFile, named_adapters};
use ia3::models::Model;
use ia3::{AdapterModelStatus, Ia3Model};
use ia3_guard::{escape, quote};
use serde::Serialize;

use super::base_model;
use crate::args::{Format, Status};
use crate::output;
use crate::progress::Progress;

#[derive(Serialize)]
struct Report {
    base: Option<String>,
    adapters: Vec<Row>,
    /// The status of the model with all adapters that fit.
    model: Option<AdapterModelStatus>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    path: String,
    vectors: usize,
    parameters: usize,
    bytes: u64,
    base_model_name_or_path: Option<String>,
    fits: Option<bool>,
    reason: Option<String>,
}

/// The exit code is 1 if an adapter does not fit the base.
pub(crate) fn run(args: &Status, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    let waiting = Progress::waiting("reading the adapters");
    let mut files = vec![];
    for (name, path) in named(args)? {
        files.push((name, AdapterFile::open(&path)?, path));
    }
    let mut rows: Vec<Row> = files.iter().map(|(name, file, path)| row(name, file, path)).collect();
    let status = match &args.base {
        Some(dir) => {
            let paths: Vec<PathBuf> = files.iter().map(|(_, _, path)| path.clone()).collect();
            Some(on_base(base_model::shapes(dir, &paths, device)?, files, &mut rows, device)?)
        }
        None => None,
    };
    drop(waiting);
    let fit = rows.iter().all(|row| row.fits != Some(false));
    let base = args.base.as_ref().map(|dir| dir.display().to_string());
    output::report(&Report { base, adapters: rows, model: status }, format)?;
    Ok(if fit { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every adapter below the folders, with a unique name.
fn named(args: &Status) -> anyhow::Result<Vec<(String, PathBuf)>> {
    let (mut all, mut taken) = (vec![], BTreeSet::new());
    for dir in args.folders.iter().chain(&args.adapters) {
        let found = named_adapters(dir)?;
        let alone = found.len() == 1;
        for (name, path) in found {
            let name = if alone { folder_name(&path).unwrap_or(name) } else { name };
            let numbered = (2..).map(|i| format!("{name}-{i}"));
            let free = std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name));
            let name = free.unwrap_or(name);
            taken.insert(name.clone());
            all.push((name, path));
        }
    }
    Ok(all)
}

/// The name of a folder, changed so that an adapter can have it.
fn folder_name(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    Some(path.file_name()?.to_string_lossy().replace('.', "_"))
}

fn row(name: &str, file: &AdapterFile, path: &Path) -> Row {
    Row {
        name: name.into(),
        path: path.display().to_string(),
        vectors: file.vectors.len(),
        parameters: file.num_params(),
        bytes: std::fs::metadata(&file.path).map_or(0, |m| m.len()),
        base_model_name_or_path: file.config.base_model_name_or_path.clone(),
        fits: None,
        reason: None,
    }
}

/// Adds the adapters to the base. Rows of adapters that do not fit get the reason.
fn on_base(
    base: Model,
    files: Vec<(String, AdapterFile, PathBuf)>,
    rows: &mut [Row],
    device: &Device,
) -> anyhow::Result<AdapterModelStatus> {
    let info = base.info();
    let mut model = Ia3Model::builder(base).without_adapter()?;
    for ((name, file, _), row) in files.into_iter().zip(rows) {
        let added = file
            .into_whole_adapter(&info, device)
            .map_err(anyhow::Error::from)
            .and_then(|adapter| Ok(model.insert_adapter(&name, adapter)?));
        row.fits = Some(added.is_ok());
        row.reason = added.err().map(|error| error.to_string());
    }
    let names: Vec<String> = model.adapter_names().map(str::to_string).collect();
    if let Err(error) = model.set_adapter_for_inference(names) {
        output::note(format!("the adapters cannot all be active together: {error}"));
    }
    Ok(model.get_model_status())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:24} {:>7} {:>10} {:>10}  base", "adapter", "vectors", "parameters", "bytes")?;
        self.adapters.iter().try_for_each(|row| write!(f, "\n{row}"))?;
        match (&self.base, &self.model) {
            (Some(base), Some(model)) => write!(f, "\n\non {}\n{model}", escape(base)),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vectors, parameters, bytes, .. } = self;
        let name = quote(&self.name);
        let base = quote(self.base_model_name_or_path.as_deref().unwrap_or("none"));
        write!(f, "{name:24} {vectors:7} {parameters:10} {bytes:10}  {base}")?;
        match (self.fits, &self.reason) {
            (Some(true), _) => write!(f, " (fits)"),
            (Some(false), Some(reason)) => write!(f, " (does not fit: {})", escape(reason)),
            _ => Ok(()),
        }
    }
}
