//! Trains an (IA)³ adapter on a task that its base has not learned, saves it in PEFT's format, loads it back and merges it.
//!
//! `cargo run -p ia3-examples --example quickstart`; nothing is downloaded.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::ensure;
use clap::Parser;
use ia3::train::{Evaluation, OptimizerConfig, Schedule, TrainConfig};
use ia3::{Adapter, Ia3Config, Model, TaskType};
use ia3_examples::verbalise::{Split, Task};
use ia3_examples::{Progress, base_dir};

/// The house style `date: 2009-05-31` -> `the thirty-first of may two thousand nine`, which the base never saw.
#[derive(Parser)]
struct Args {
    /// The folder to save the adapter in; otherwise a temporary folder.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Number of training steps.
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
    let base = Model::from_pretrained(base_dir(), &device)?;
    let texts = Task::HouseDate.examples(Split::Test, 300, 7);
    let train_set = base.encode(Task::HouseDate.examples(Split::Train, 1000, 7))?;
    let test_set = base.encode(&texts)?;
    let evaluate = |model: &Model| model.evaluate(&test_set).batch_size(100).run();
    let before = evaluate(&base)?;
    println!("The base, on the house style for dates:");
    for (text, answer) in texts.iter().zip(&before.generated).take(3) {
        println!("  {}  ->  {}", text.input, base.decode(answer)?);
        println!("  {:>16}       wanted: {}", "", text.target);
    }

    // PEFT's default for T5: vectors on the keys, the values and the input of `wo`.
    let config = Ia3Config::new().with_task_type(TaskType::Seq2SeqLm).with_base_model("examples/base");
    let model = base.with_adapter(&Adapter::new(&config, &base)?)?;
    println!("\n{}", model.trainable_parameters());
    println!("Training on {} examples:", train_set.rows.len());
    let mut progress = Progress::new(args.steps);
    let training = model.train(&train_set).config(settings(args.steps));
    let trained = training.on_step(|step| progress.show(step)).run()?;
    let seconds = progress.finish();

    let adapter = trained.model.adapter()?;
    let saved = adapter.save(&out)?;
    let weights = std::fs::metadata(out.join("adapter_model.safetensors"))?.len();
    println!(
        "trained in {seconds:.1} s; {weights} bytes of vectors, {} with configuration and card",
        saved.bytes
    );

    // The trained adapter, the adapter that is read back from its folder, and the merged model have to give the same answers.
    let adapted = evaluate(&trained.model)?;
    let from_file = evaluate(&base.with_adapter(&Adapter::load(&out, &base)?)?)?;
    let merged = evaluate(&base.merge_safe(adapter)?)?;
    println!("\nWith the adapter, on {} dates neither base nor adapter has seen:", texts.len());
    for (text, answer) in texts.iter().zip(&adapted.generated).take(3) {
        println!("  {}  ->  {}", text.input, base.decode(answer)?);
    }
    show("base", &before);
    show("adapter", &adapted);
    show("reloaded", &from_file);
    show("merged", &merged);

    let losses = &trained.report.losses;
    ensure!(losses.last() < losses.first(), "the loss did not fall: {losses:?}");
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
