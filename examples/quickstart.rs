//! Trains an (IA)³ adapter on a task its base has not learned, saves it in PEFT's format, loads it back, merges it.
//!
//! `cargo run --release -p ia3-examples --example quickstart`; everything is on disk, nothing is downloaded.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::ensure;
use clap::Parser;
use ia3::core::Adapter;
use ia3::io::{load_adapter, save_adapter};
use ia3::models::Model;
use ia3::train::{Evaluation, OptimizerConfig, Schedule, TrainConfig, Training, evaluate};
use ia3::{Ia3Config, TaskType, TrainableParameters};
use ia3_examples::verbalise::{Split, Task};
use ia3_examples::{Progress, base_dir, decode, encode, tokenizer};

/// The house style `date: 2009-05-31` -> `the thirty-first of may two thousand nine`, which the base never saw.
#[derive(Parser)]
struct Args {
    /// Where to save the adapter; a temporary folder without it.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Training steps.
    #[arg(long, default_value_t = 120)]
    steps: usize,
    /// Device by burn's name.
    #[arg(long, env = "BURN_DEVICE")]
    device: Option<String>,
}

fn main() -> anyhow::Result<()> {
    let start = Instant::now();
    let args = Args::parse();
    let device = ia3::device(args.device.as_deref())?;
    let temporary = tempfile::tempdir()?;
    let out = args.out.clone().unwrap_or_else(|| temporary.path().into());

    // A base in Hugging Face's format, and what it does with inputs of a task it has not learned.
    let base = ia3::from_pretrained(base_dir(), &device)?.model;
    let tokenizer = tokenizer(&base_dir())?;
    let texts = Task::HouseDate.examples(Split::Test, 300, 7);
    let (train_set, test_set) =
        (encode(&tokenizer, &Task::HouseDate.examples(Split::Train, 1000, 7))?, encode(&tokenizer, &texts)?);
    let before = evaluate(&base, &test_set, 100)?;
    println!("The base, on the house style for dates:");
    for (text, answer) in texts.iter().zip(&before.generated).take(3) {
        println!("  {}  ->  {}", text.input, decode(&tokenizer, answer)?);
        println!("  {:>16}       wanted: {}", "", text.target);
    }

    // PEFT's default for T5: vectors on the keys, the values and the input of `wo`.
    let config = Ia3Config::new().with_task_type(TaskType::Seq2SeqLm).with_base_model("examples/base");
    let plan = config.plan(&base.info())?;
    let adapter = Adapter::init(&base, &plan);
    println!("\n{}", TrainableParameters::of(&base, &adapter));
    println!("Training on {} examples:", train_set.len());
    let mut progress = Progress::new(args.steps);
    let model = ia3::attach(&base, &[&adapter])?;
    let (model, report) = Training::new(model, settings(args.steps))
        .with_progress(|step| progress.show(step))
        .run(&train_set)?;
    let seconds = progress.finish();

    let adapter = adapter.extract(&model)?;
    let saved = save_adapter(&adapter, &out)?;
    let weights = std::fs::metadata(out.join("adapter_model.safetensors"))?.len();
    println!(
        "trained in {seconds:.1} s; {weights} bytes of vectors, {} with configuration and card",
        saved.bytes
    );

    // The trained adapter, the one read back from its folder, and the merged model are one function.
    let reloaded = load_adapter(&out, &base.info(), &device)?;
    let adapted = evaluate(&ia3::attach(&base, &[&adapter])?, &test_set, 100)?;
    let from_file = evaluate(&ia3::attach(&base, &[&reloaded])?, &test_set, 100)?;
    let merged: Model = ia3::merge_safe(&base, &[&adapter])?;
    let merged = evaluate(&merged, &test_set, 100)?;
    println!("\nWith the adapter, on {} dates neither base nor adapter has seen:", texts.len());
    for (text, answer) in texts.iter().zip(&adapted.generated).take(3) {
        println!("  {}  ->  {}", text.input, decode(&tokenizer, answer)?);
    }
    show("base", &before);
    show("adapter", &adapted);
    show("reloaded", &from_file);
    show("merged", &merged);

    ensure!(report.losses.last() < report.losses.first(), "the loss did not fall: {:?}", report.losses);
    ensure!(adapted.generated == from_file.generated, "the reloaded adapter answers differently");
    ensure!(adapted.loss == from_file.loss, "the reloaded adapter has another loss");
    ensure!(adapted.generated == merged.generated, "the merged model answers differently");
    ensure!((adapted.loss - merged.loss).abs() < 1e-4, "the merged model has another loss");
    let gain = adapted.exact_match - before.exact_match;
    ensure!(gain >= 0.4, "the adapter gains only {:.1} points", 100.0 * gain);
    println!("\nadapter, reloaded adapter and merged model give the same {} answers", texts.len());
    println!("all in {:.1} s", start.elapsed().as_secs_f64());
    println!("accuracy {:.1} % -> {:.1} %", 100.0 * before.exact_match, 100.0 * adapted.exact_match);
    Ok(())
}

fn settings(steps: usize) -> TrainConfig {
    TrainConfig::new()
        .with_steps(steps)
        .with_batch_size(32)
        .with_learning_rate(5e-2)
        .with_schedule(Schedule::Linear { warmup: 10 })
        .with_optimizer(OptimizerConfig::adamw())
        .with_max_grad_norm(None)
        .with_bucket(4)
        .with_seed(0)
}

fn show(name: &str, evaluation: &Evaluation) {
    println!("  {name:10} exact match {:5.1} %, loss {:.5}", 100.0 * evaluation.exact_match, evaluation.loss);
}
