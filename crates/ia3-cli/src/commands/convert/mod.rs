//! `ia3 convert`.

mod lora;

use std::fmt;
use std::process::ExitCode;

use anyhow::bail;
use burn::tensor::Device;
use ia3::convert::{
    AdapterFormat, ConvertOptions, Converted, ConvertedBase, FeedForwardSite, convert_adapter_with,
    convert_base,
};
use ia3::{ModelInfo, Placement, Selector};
use ia3_guard::quote;
use serde::Serialize;

use crate::args::{AdapterFormatName, Convert, Format, SiteName};
use crate::commands::base_config;
use crate::out;
use crate::output::{self, note};
use crate::progress::Progress;

#[derive(Serialize)]
struct Report {
    from: String,
    to: String,
    vectors: usize,
    parameters: usize,
    on_outputs: usize,
    on_inputs: usize,
    saved_whole: usize,
    moved: Vec<Moved>,
    multiplied: usize,
    target_modules: Option<Selector>,
    feedforward_modules: Option<Selector>,
    bytes: u64,
    out: String,
}

#[derive(Serialize)]
struct Moved {
    from: String,
    to: String,
}

pub(crate) fn run(args: &Convert, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    match args.to {
        AdapterFormatName::Lora => return lora::run(args, device, format),
        _ if args.rank.is_some() || args.max_error.is_some() => {
            bail!("--rank and --max-error are for --to lora; leave them out")
        }
        AdapterFormatName::Safetensors => return of_base(args, format),
        _ => {}
    }
    let base =
        args.base.as_ref().map(|base| Ok::<_, anyhow::Error>(base_config::read(base)?.init(device).info()));
    let base = base.transpose()?;
    let to = match args.to {
        AdapterFormatName::Peft => AdapterFormat::Peft,
        AdapterFormatName::Tfew => AdapterFormat::TFew,
        AdapterFormatName::Adapterhub | AdapterFormatName::Safetensors | AdapterFormatName::Lora => {
            AdapterFormat::AdapterHub
        }
    };
    let converted = convert_adapter_with(&args.path, to, &args.out, &options(args, base))?;
    out::note_leftovers(&converted.leftovers);
    if !converted.ignored.is_empty() {
        note(format!("these tensors are not vectors and were left out: {}", few(&converted.ignored)));
    }
    output::report_on(&report(converted, args), format, &args.out)?;
    Ok(ExitCode::SUCCESS)
}

/// The report on the weights of a base.
#[derive(Serialize)]
struct BaseReport {
    tensors: usize,
    left_out: Vec<String>,
    bytes: u64,
    out: String,
}

impl fmt::Display for BaseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tensors, {} bytes -> {}", self.tensors, self.bytes, self.out)
    }
}

fn of_base(args: &Convert, format: Format) -> anyhow::Result<ExitCode> {
    if args.site.is_some() || args.base.is_some() || args.base_name.is_some() {
        bail!(
            "--site, --base and --base-name are for adapters, and --to safetensors converts a base; leave them out"
        );
    }
    let waiting = Progress::waiting("converting the weights");
    let converted = convert_base(&args.path, &args.out)?;
    drop(waiting);
    out::note_leftovers(&converted.leftovers);
    if !converted.left_out.is_empty() {
        note(format!("these are no tensors of floats and were left out: {}", few(&converted.left_out)));
    }
    let ConvertedBase { tensors, left_out, bytes, .. } = converted;
    let report = BaseReport { tensors, left_out, bytes, out: args.out.display().to_string() };
    output::report(&report, format)?;
    Ok(ExitCode::SUCCESS)
}

fn options(args: &Convert, base: Option<ModelInfo>) -> ConvertOptions {
    let site = args.site.map(|site| match site {
        SiteName::Wo => FeedForwardSite::Wo,
        SiteName::Wi1 => FeedForwardSite::Wi1,
    });
    let mut options = ConvertOptions::new();
    (options.site, options.base, options.base_name) = (site, base, args.base_name.clone());
    options
}

fn report(converted: Converted, args: &Convert) -> Report {
    let Converted { from, to, adapter, placements, placed, bytes, .. } = converted;
    let on = |side| placements.values().filter(|placement| **placement == side).count();
    Report {
        from: from.to_string(),
        to: to.to_string(),
        vectors: adapter.vectors.len(),
        parameters: adapter.vectors.values().map(|vector| vector.values.len()).sum(),
        on_outputs: on(Placement::Output),
        on_inputs: on(Placement::Input),
        saved_whole: adapter.saved.len(),
        moved: placed.moved.into_iter().map(|(from, to)| Moved { from, to }).collect(),
        multiplied: placed.multiplied.len(),
        target_modules: adapter.config.target_modules,
        feedforward_modules: adapter.config.feedforward_modules,
        bytes,
        out: args.out.display().to_string(),
    }
}

/// The first three names and the number of the others.
fn few(names: &[String]) -> String {
    let shown = names.iter().take(3).map(|name| quote(name)).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(3) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vectors, parameters, on_outputs, on_inputs, saved_whole, multiplied, .. } = self;
        writeln!(f, "{} -> {}", self.from, self.to)?;
        writeln!(
            f,
            "{vectors} vectors, {parameters} parameters: {on_outputs} on outputs, {on_inputs} on inputs"
        )?;
        if *saved_whole > 0 {
            writeln!(f, "{saved_whole} parameters saved whole")?;
        }
        if let Some(first) = self.moved.first() {
            let count = self.moved.len();
            writeln!(
                f,
                "{count} vectors moved within their gated blocks, for example {} -> {}",
                quote(&first.from),
                quote(&first.to)
            )?;
        }
        if *multiplied > 0 {
            writeln!(f, "{multiplied} of them were multiplied with the vector at their new place")?;
        }
        for (name, selector) in
            [("targets:    ", &self.target_modules), ("feedforward:", &self.feedforward_modules)]
        {
            let text = selector.as_ref().and_then(|s| serde_json::to_string(s).ok());
            writeln!(f, "{name} {}", text.unwrap_or_else(|| "none".into()))?;
        }
        write!(f, "{} bytes -> {}", self.bytes, self.out)
    }
}
