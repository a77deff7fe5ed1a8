//! Trains the base that ships with the examples from scratch: a small T5 over characters that writes out numbers and dates
//! in words.
//!
//! `cargo run --release -p ia3-examples --example pretrain_base`; see `examples/base/README.md`.

use std::path::PathBuf;

use anyhow::Context;
use burn::module::{Module, Param};
use burn::tensor::{Device, Distribution, Tensor};
use clap::Parser;
use ia3::ModelConfig;
use ia3::core::{ParamMapper, ParamPath, map_params};
use ia3::data::Tokenizer;
use ia3::io::{CheckpointOptions, save_checkpoint_with};
use ia3::models::Model;
use ia3::train::{OptimizerConfig, Schedule, TrainConfig, Training, evaluate};
use ia3_examples::verbalise::{Split, Task, sample_mixture};
use ia3_examples::{Progress, encode, tokenizer_json};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// Trains the shipped base from scratch.
#[derive(Parser)]
struct Args {
    /// Folder to write the base to.
    #[arg(long, default_value = "examples/base")]
    out: PathBuf,
    /// Optimiser steps.
    #[arg(long, default_value_t = 4000)]
    steps: usize,
    /// Seed of weights and data.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Only evaluate the base that is in the folder.
    #[arg(long)]
    evaluate: bool,
    /// Device by burn's name.
    #[arg(long, env = "BURN_DEVICE")]
    device: Option<String>,
}

const BATCH: usize = 32;
/// Unseen inputs per task; the smallest task has 123.
const UNSEEN: usize = 100;

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let device = ia3::device(args.device.as_deref())?;
    let model = match args.evaluate {
        true => ia3::from_pretrained(&args.out, &device)?.model,
        false => pretrain(&args, &device)?,
    };
    let tokenizer = Tokenizer::open(&args.out.join("tokenizer.json"))?;
    for task in Task::ALL_MIXTURE.into_iter().chain(Task::HELD_OUT) {
        let unseen = encode(tokenizer.clone(), &task.examples(Split::Test, UNSEEN, 1))?;
        let accuracy = 100.0 * evaluate(&model, &unseen, 50)?.exact_match;
        println!("{task:?}: exact match on {UNSEEN} unseen inputs {accuracy:.1} %");
    }
    Ok(())
}

/// Trains and saves.
fn pretrain(args: &Args, device: &Device) -> anyhow::Result<Model> {
    device.seed(args.seed);
    let json = serde_json::to_string_pretty(&config())?;
    let model = map_params(ModelConfig::from_json(&json)?.init(device), &mut WidePositions);
    println!("{} parameters", model.num_params());
    write_texts(args, &json)?;
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    let texts: Vec<_> = (0..args.steps * BATCH).map(|_| sample_mixture(Split::Base, &mut rng)).collect();
    let examples = encode(Tokenizer::open(&args.out.join("tokenizer.json"))?, &texts)?;
    let mut progress = Progress::new(args.steps);
    let (model, _) =
        Training::new(model, settings(args)).with_progress(|step| progress.show(step)).run(&examples)?;
    println!("trained in {:.1} minutes", progress.finish() / 60.0);
    let model = model.valid();
    let options = CheckpointOptions::new().with_overwrite(true);
    let saved = save_checkpoint_with(&model, &args.out, &options)?;
    println!("{} bytes -> {}", saved.bytes, args.out.display());
    Ok(model)
}

fn settings(args: &Args) -> TrainConfig {
    TrainConfig::new()
        .with_steps(args.steps)
        .with_batch_size(BATCH)
        .with_learning_rate(2e-3)
        .with_schedule(Schedule::Linear { warmup: 200 })
        .with_optimizer(OptimizerConfig::AdamW { betas: (0.9, 0.98), weight_decay: 0.0 })
        .with_max_grad_norm(Some(1.0))
        .with_bucket(8)
        .with_seed(args.seed)
}

/// The `config.json` of a T5 v1.0 with two encoder blocks and two decoder blocks.
fn config() -> Value {
    json!({
        "architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "vocab_size": 48,
        "d_model": 128, "d_kv": 16, "num_heads": 8, "d_ff": 512, "num_layers": 2, "num_decoder_layers": 2,
        "feed_forward_proj": "relu", "is_encoder_decoder": true, "dropout_rate": 0.0,
        "tie_word_embeddings": true, "scale_decoder_outputs": true, "relative_attention_num_buckets": 32,
        "relative_attention_max_distance": 128, "layer_norm_epsilon": 1e-6, "initializer_factor": 1.0,
        "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0, "dtype": "float32",
    })
}

fn write_texts(args: &Args, config: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(&args.out)?;
    let tokenizer_config = json!({
        "tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "<pad>", "eos_token": "</s>",
        "unk_token": "<unk>", "model_max_length": 128, "clean_up_tokenization_spaces": false,
    });
    let texts = [
        ("config.json", config.to_string()),
        ("tokenizer.json", serde_json::to_string_pretty(&tokenizer_json())?),
        ("tokenizer_config.json", serde_json::to_string_pretty(&tokenizer_config)?),
    ];
    for (name, text) in texts {
        let path = args.out.join(name);
        std::fs::write(&path, text + "\n").with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Draws the position biases from N(0, 2²) instead of T5's narrow N(0, 1/d). Spelling depends on the order of characters,
/// and so small a model learns it much sooner if its attention depends on positions from the start.
struct WidePositions;

impl ParamMapper for WidePositions {
    fn map_float<const D: usize>(&mut self, path: &ParamPath, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match path.names().any(|name| name == "relative_attention_bias") {
            true => param.map(|w| w.random_like(Distribution::Normal(0.0, 2.0))),
            false => param,
        }
    }
}
