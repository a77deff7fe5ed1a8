//! The report on an adapter.

use std::fmt;
use std::path::Path;

use burn::tensor::Device;
use ia3::io::{AdapterFile, VectorStats};
use ia3::{Ia3Config, Selector};
use ia3_guard::{escape, escape_lines, few, quote};
use serde::Serialize;

use crate::commands::base_model;

/// The contents of an adapter, and whether it fits a base.
#[derive(Serialize)]
pub(crate) struct AdapterReport {
    kind: &'static str,
    base_model_name_or_path: Option<String>,
    task_type: Option<String>,
    target_modules: Option<Selector>,
    feedforward_modules: Option<Selector>,
    modules_to_save: Vec<String>,
    parameters: usize,
    bytes: u64,
    sites: Vec<Site>,
    fit: Option<Fit>,
}

#[derive(Serialize)]
struct Site {
    path: String,
    shape: Vec<usize>,
    mean: f64,
    std: f64,
    min: f32,
    max: f32,
    negative: usize,
    ones: usize,
    non_finite: usize,
}

#[derive(Serialize)]
struct Fit {
    base: String,
    fits: bool,
    reason: String,
}

pub(crate) fn report(path: &Path, base: Option<&Path>, device: &Device) -> anyhow::Result<AdapterReport> {
    let file = AdapterFile::open(path)?;
    let bytes = std::fs::metadata(&file.path).map_or(0, |m| m.len());
    let Ia3Config { base_model_name_or_path, task_type, .. } = file.config.clone();
    Ok(AdapterReport {
        kind: "adapter",
        base_model_name_or_path,
        task_type: task_type.map(|t| t.to_string()),
        target_modules: file.config.target_modules.clone(),
        feedforward_modules: file.config.feedforward_modules.clone(),
        modules_to_save: file.saved.keys().cloned().collect(),
        parameters: file.num_params(),
        bytes,
        sites: file.vectors.iter().map(|(path, v)| site(path, &v.shape, &v.values)).collect(),
        fit: base.map(|base| fit(file, path, base, device)).transpose()?,
    })
}

/// A selector as text, as adapter_config.json has it: a list, a pattern or `all-linear`.
fn selector(selector: &Option<Selector>) -> Option<String> {
    selector.as_ref().and_then(|s| serde_json::to_string(s).ok())
}

fn site(path: &str, shape: &[usize], values: &[f32]) -> Site {
    let VectorStats { mean, std, min, max, negative, ones, non_finite, .. } = VectorStats::of(values);
    Site { path: path.into(), shape: shape.to_vec(), mean, std, min, max, negative, ones, non_finite }
}

/// An adapter fits if every vector has a layer and every planned layer has a vector.
fn fit(file: AdapterFile, path: &Path, dir: &Path, device: &Device) -> anyhow::Result<Fit> {
    let model = base_model::shapes(dir, &[path.to_owned()], device)?;
    let (fits, reason) = match file.into_adapter(&model.info(), device) {
        Ok((_, report)) => (report.is_complete(), report.to_string()),
        Err(error) => (false, error.to_string()),
    };
    Ok(Fit { base: dir.display().to_string(), fits, reason })
}

impl AdapterReport {
    pub(crate) fn fits(&self) -> bool {
        self.fit.as_ref().is_none_or(|fit| fit.fits)
    }
}

impl fmt::Display for AdapterReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |text: &Option<String>| quote(text.as_deref().unwrap_or("none")).into_owned();
        writeln!(
            f,
            "(IA)³ adapter, {} parameters in {} vectors, {} bytes",
            self.parameters,
            self.sites.len(),
            self.bytes
        )?;
        writeln!(f, "base:        {}", or_none(&self.base_model_name_or_path))?;
        writeln!(f, "task:        {}", or_none(&self.task_type))?;
        writeln!(f, "targets:     {}", or_none(&selector(&self.target_modules)))?;
        writeln!(f, "feedforward: {}", or_none(&selector(&self.feedforward_modules)))?;
        if !self.modules_to_save.is_empty() {
            let saved = self.modules_to_save.iter().map(|name| quote(name).into_owned());
            writeln!(f, "saved:       {}", few(saved, ", "))?;
        }
        write!(f, "\n{:52} {:>10}    mean     std     min     max  neg ones nan", "site", "shape")?;
        self.sites.iter().try_for_each(|site| write!(f, "\n{site}"))?;
        match &self.fit {
            Some(Fit { base, fits: true, reason }) => {
                write!(f, "\n\nfits {}: {}", escape(base), escape_lines(reason))
            }
            Some(Fit { base, reason, .. }) => {
                write!(f, "\n\ndoes not fit {}: {}", escape(base), escape_lines(reason))
            }
            None => Ok(()),
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = quote(&self.path);
        let Self { mean, std, min, max, negative, ones, non_finite, .. } = self;
        let shape = format!("{:?}", self.shape);
        write!(
            f,
            "{path:52} {shape:>10} {mean:7.4} {std:7.4} {min:7.3} {max:7.3} {negative:4} {ones:4} {non_finite:3}"
        )
    }
}
