//! The facts that must be equal on every rank, and in a training that resumes another one.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use ia3::train::{LossConfig, TrainConfig};
use serde_json::Value;

use super::task::Task;
use crate::args::Train;

/// A name and a value. Data and the base have a hash as their value. An error message names every fact that differs.
pub(super) type Fact = (String, String);

/// All facts of a training.
pub(super) fn facts(args: &Train, config: &TrainConfig, tasks: &[Task]) -> anyhow::Result<Vec<Fact>> {
    let mut facts = of_config(config);
    let or_none = |number: Option<usize>| number.map_or("none".into(), |number| number.to_string());
    facts.push(("eval_steps".into(), or_none(args.eval_steps)));
    facts.push(("patience".into(), or_none(args.patience)));
    facts.push(("metric".into(), format!("{:?}", args.metric)));
    if let Some(task) = tasks.first() {
        facts.extend(of_adapter(task)?);
    }
    let names: Vec<&str> = tasks.iter().filter_map(|task| task.name.as_deref()).collect();
    if !names.is_empty() {
        facts.push(("choice of tasks".into(), names.join(", ")));
    }
    let hashed = |data: String| hash(data.as_bytes());
    for task in tasks {
        let of =
            |what: &str| task.name.as_ref().map_or(what.into(), |name| format!("{what} of task `{name}`"));
        facts.push((of("data"), hashed(format!("{:?}", task.data.rows))));
        facts.push((of("held-out data"), hashed(format!("{:?}", task.held_out))));
    }
    facts.push(("base".into(), of_base(&args.base)?));
    Ok(facts)
}

fn of_config(config: &TrainConfig) -> Vec<Fact> {
    let LossConfig { mc_loss, unlikely_loss, unlikelihood, length_norm, causal } = &config.loss;
    let facts = [
        ("steps", config.steps.to_string()),
        ("batch size", config.batch_size.to_string()),
        ("gradient accumulation", config.gradient_accumulation_steps.to_string()),
        ("learning rate", config.learning_rate.to_string()),
        ("schedule", format!("{:?}", config.schedule)),
        ("optimiser", format!("{:?}", config.optimizer)),
        ("bound of the gradients", format!("{:?}", config.max_grad_norm)),
        ("shuffle", config.shuffle.to_string()),
        ("bucket", config.bucket.to_string()),
        ("seed", config.seed.to_string()),
        ("mc_loss", mc_loss.to_string()),
        ("unlikely_loss", unlikely_loss.to_string()),
        ("unlikelihood", format!("{unlikelihood:?}")),
        ("length_norm", length_norm.to_string()),
        ("causal_loss", format!("{causal:?}")),
    ];
    facts.map(|(name, value)| (name.to_string(), value)).to_vec()
}

/// The fields of `adapter_config.json`, and the number of trained values.
fn of_adapter(task: &Task) -> anyhow::Result<Vec<Fact>> {
    let fields: BTreeMap<String, Value> = serde_json::from_str(&task.adapter.config.to_json())?;
    let trainable = ("trained values".to_string(), task.adapter.num_trainable().to_string());
    Ok(fields.into_iter().map(|(name, value)| (name, value.to_string())).chain([trainable]).collect())
}

/// A hash of the names, the sizes and the first megabytes of the files of a base.
fn of_base(dir: &Path) -> anyhow::Result<String> {
    let mut files: Vec<_> = std::fs::read_dir(dir)?.filter_map(|e| Some(e.ok()?.path())).collect();
    files
        .retain(|path| path.extension().is_some_and(|e| e == "safetensors") || path.ends_with("config.json"));
    files.sort();
    let mut bytes = vec![];
    for path in files {
        let file = std::fs::File::open(&path)?;
        bytes.extend(format!("{:?} {}", path.file_name(), file.metadata()?.len()).into_bytes());
        file.take(1 << 20).read_to_end(&mut bytes)?;
    }
    Ok(hash(&bytes))
}

/// FNV-1a: the same in every version of every program.
fn hash(bytes: &[u8]) -> String {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", bytes.iter().fold(0xcbf2_9ce4_8422_2325, step))
}
