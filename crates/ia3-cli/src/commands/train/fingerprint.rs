//! The facts that must be equal on every rank, and in a training that resumes another one.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use ia3::train::{Fingerprint, TrainConfig};
use serde_json::Value;

use super::task::Task;
use crate::args::Train;

/// A name and a value. Data and the base have a hash as their value. An error message names every fact that differs.
pub(super) type Fact = (String, String);

/// All facts of a training.
pub(super) fn facts(args: &Train, config: &TrainConfig, tasks: &[Task]) -> anyhow::Result<Vec<Fact>> {
    let or_none = |number: Option<usize>| number.map_or("none".into(), |number| number.to_string());
    let mut fingerprint = Fingerprint::of(config)?;
    fingerprint.insert("eval_steps", or_none(args.eval_steps));
    fingerprint.insert("patience", or_none(args.patience));
    fingerprint.insert("metric", format!("{:?}", args.metric));
    if let Some(task) = tasks.first() {
        fingerprint.extend(of_adapter(task)?);
    }
    let names: Vec<&str> = tasks.iter().filter_map(|task| task.name.as_deref()).collect();
    if !names.is_empty() {
        fingerprint.insert("choice of tasks", names.join(", "));
    }
    for task in tasks {
        let of =
            |what: &str| task.name.as_ref().map_or(what.into(), |name| format!("{what} of task `{name}`"));
        fingerprint.insert_hash(of("data"), &task.data)?;
        fingerprint.insert_hash(of("held-out data"), &task.held_out)?;
    }
    fingerprint.insert_hash_of_bytes("base", &of_base(&args.base)?);
    Ok(fingerprint.entries().map(|(name, value)| (name.into(), value.into())).collect())
}

/// The fields of `adapter_config.json`, and the number of trained values.
fn of_adapter(task: &Task) -> anyhow::Result<Vec<Fact>> {
    let fields: BTreeMap<String, Value> = serde_json::from_str(&task.adapter.config.to_json())?;
    let trainable = ("trained values".to_string(), task.adapter.num_trainable().to_string());
    Ok(fields.into_iter().map(|(name, value)| (name, value.to_string())).chain([trainable]).collect())
}

/// The names, the sizes and the first megabytes of the files of a base.
fn of_base(dir: &Path) -> anyhow::Result<Vec<u8>> {
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
    Ok(bytes)
}
