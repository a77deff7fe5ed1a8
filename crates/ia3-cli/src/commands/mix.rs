//! `ia3 mix`.

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use burn::tensor::Device;
use clap::ValueEnum;
use ia3::core::Adapter;
use ia3::io::{AdapterFile, AdapterOptions, FolderWrite};
use ia3::{AdapterError, MixMethod, ModelInfo, TaskType};
use ia3_guard::{few, quote, quote_code, quote_path};
use serde::Serialize;

use super::base_model;
use crate::args::{Format, MethodName, Mix};
use crate::progress::Progress;
use crate::{out, output};

#[derive(Serialize)]
struct Report {
    vectors: usize,
    parameters: usize,
    bytes: u64,
    out: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vectors, parameters, bytes, out } = self;
        write!(f, "{parameters} parameters in {vectors} vectors, {bytes} bytes -> {out}")
    }
}

pub(crate) fn run(args: &Mix, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    let (weights, method) = (weights(args)?, method(args)?);
    let folder = out::folder(&args.out)?;
    out::refuse_adapters(&folder, &args.adapters)?;
    let waiting = Progress::waiting("loading the adapters");
    let (adapters, info) = load(args, device)?;
    drop(waiting);
    note_bases(&adapters);
    note_tasks(&adapters);
    let pairs: Vec<(&Adapter, f32)> = adapters.iter().zip(weights).collect();
    let waiting = Progress::waiting("mixing");
    let mixed = ia3::mix(&pairs, method).map_err(|error| with_folders(error, args))?;
    let options = AdapterOptions::default().with_base(info);
    let mut write = FolderWrite::new(&folder)?;
    // The card is a file of the same write, so it never belongs to another adapter than the vectors.
    write.text("README.md", &(ia3::io::model_card(&mixed) + &sources(args)))?;
    let saved = ia3::io::write_adapter(&mixed, write, &options)?;
    drop(waiting);
    let report = Report {
        vectors: mixed.vectors.len(),
        parameters: mixed.num_params(),
        bytes: saved.bytes,
        out: args.out.display().to_string(),
    };
    output::report(&report, format)?;
    Ok(ExitCode::SUCCESS)
}

/// One weight per adapter. A product has no weights.
fn weights(args: &Mix) -> anyhow::Result<Vec<f32>> {
    let (adapters, weights) = (args.adapters.len(), args.weights.len());
    match args.method {
        MethodName::Product if weights == 0 => Ok(vec![1.0; adapters]),
        _ if adapters == weights => Ok(args.weights.clone()),
        _ => {
            bail!(
                "there are {adapters} times --adapter and {weights} times --weight; give one weight per adapter"
            )
        }
    }
}

/// What the model card says of the adapters and their weights.
fn sources(args: &Mix) -> String {
    let method =
        args.method.to_possible_value().map(|value| value.get_name().to_string()).unwrap_or_default();
    let density = match args.method {
        MethodName::Ties => format!(" with the density {}", args.density.unwrap_or(DENSITY)),
        _ => String::new(),
    };
    let mut text =
        format!("\n## Mix\n\nMixed by the method `{method}`{density}.\n\n| adapter | weight |\n|---|---|\n");
    for (place, dir) in args.adapters.iter().enumerate() {
        let weight = args.weights.get(place).map_or("none".into(), f32::to_string);
        let _ = writeln!(text, "| {} | {weight} |", quote_code(&dir.to_string_lossy()).replace('|', "\\|"));
    }
    text
}

/// The share that the paper keeps (arXiv 2306.01708 §4).
const DENSITY: f64 = 0.2;

fn method(args: &Mix) -> anyhow::Result<MixMethod> {
    if args.density.is_some() && args.method != MethodName::Ties {
        bail!("--density is only for --method ties; leave it out");
    }
    Ok(match args.method {
        MethodName::Linear => MixMethod::Linear,
        MethodName::Product => MixMethod::Product,
        MethodName::Identity => MixMethod::Identity,
        MethodName::Geometric => MixMethod::Geometric,
        MethodName::Ties => MixMethod::Ties { density: args.density.unwrap_or(DENSITY) },
    })
}

/// The adapters, and what is known of the layers that they scale: from the base, or from the files of the adapters.
fn load(args: &Mix, device: &Device) -> anyhow::Result<(Vec<Adapter>, ModelInfo)> {
    let mut info = match &args.base {
        Some(dir) => base_model::shapes(dir, &args.adapters, device)?.info(),
        None => ModelInfo::default(),
    };
    let mut adapters = vec![];
    for dir in &args.adapters {
        let file = AdapterFile::open(dir)?;
        if let Some(path) = file.saved.keys().next() {
            return Err(AdapterError::MixedSaved { path: path.clone() }.into());
        }
        adapters.push(match args.base {
            Some(_) => file.into_whole_adapter(&info, device)?,
            None => {
                let layers = file.infer_model();
                let adapter = file.spell_out().into_whole_adapter(&layers, device)?;
                info.modules.extend(layers.modules);
                adapter
            }
        });
    }
    Ok((adapters, info))
}

fn note_bases(adapters: &[Adapter]) {
    let named = adapters.iter().filter_map(|a| a.config.base_model_name_or_path.as_deref());
    let names: BTreeSet<&str> = named.collect();
    let mut different: Vec<String> = vec![];
    for name in names {
        if !different.iter().any(|known| ia3::same_base(known, name)) {
            different.push(quote(name).into_owned());
        }
    }
    if different.len() > 1 {
        output::note(format!("the adapters name different bases: {}", few(different.into_iter(), ", ")));
    }
}

fn note_tasks(adapters: &[Adapter]) {
    let tasks: BTreeSet<&str> =
        adapters.iter().filter_map(|a| a.config.task_type).map(TaskType::as_str).collect();
    if tasks.len() > 1 {
        let tasks: Vec<&str> = tasks.into_iter().collect();
        output::note(format!("the adapters are for different tasks: {}", tasks.join(", ")));
    }
}

/// The error with the folders of adapters of different architectures.
fn with_folders(error: AdapterError, args: &Mix) -> anyhow::Error {
    match &error {
        AdapterError::MixedArchitectures { first_index, first, index, other } => {
            let [one, two] = [first_index, index].map(|&i| quote_path(&args.adapters[i]));
            anyhow!(
                "`{one}` is an adapter for the architecture {first} and `{two}` one for {other}; only adapters of one architecture can be mixed"
            )
        }
        _ => error.into(),
    }
}
