//! The facts that must be equal on every rank, and in a training that resumes another one.

use std::collections::BTreeMap;

use clap::ValueEnum;
use ia3::core::Adapter;
use ia3::train::{FileHashes, Fingerprint, TrainConfig};
use serde_json::Value;

use super::task::Task;
use crate::args::{DtypeName, HeadArgs, Train};

/// All facts of a training. Data and the base enter as hashes. An error message names every fact that differs.
pub(super) fn fingerprint(
    args: &Train,
    config: &TrainConfig,
    tasks: &[Task],
    base: &FileHashes,
) -> anyhow::Result<Fingerprint> {
    let mut fingerprint = Fingerprint::of(config)?;
    add_options(&mut fingerprint, args)?;
    let names: Vec<&str> = tasks.iter().filter_map(|task| task.name.as_deref()).collect();
    if !names.is_empty() {
        fingerprint.insert("choice of tasks", names.join(", "));
    }
    if let Some(first) = tasks.first() {
        // All adapters start with the same configuration and the same values.
        fingerprint.extend(of_adapter(&first.adapter)?);
        if args.adapter.is_some() {
            fingerprint.insert_hash("initial values of the adapter", &values(&first.adapter)?)?;
        }
    }
    tasks.iter().try_for_each(|task| add_task(&mut fingerprint, task))?;
    fingerprint.extend(base.entries().map(|(file, hash)| (format!("file `{file}` of the base"), hash)));
    Ok(fingerprint)
}

/// Adds the options that no other fact covers.
fn add_options(fingerprint: &mut Fingerprint, args: &Train) -> anyhow::Result<()> {
    // Without `..`: a new option does not compile until it has its place here.
    let Train {
        eval_steps,
        patience,
        metric,
        dtype,
        keep_quantized,
        head: HeadArgs { head, problem_type },
        // The files of the base are facts of their own.
        base: _,
        // The tokenised rows and the names of the tasks are facts of their own.
        data: _,
        tasks: _,
        eval: _,
        eval_split: _,
        rows: _,
        // The configuration of the adapter is a fact of its own.
        targets: _,
        feedforward: _,
        config: _,
        kv_only: _,
        num_labels: _,
        base_name: _,
        // The values of the adapter are a fact of their own.
        adapter: _,
        // The training configuration is a fact of its own.
        preset: _,
        steps: _,
        epochs: _,
        batch_size: _,
        gradient_accumulation_steps: _,
        gradient_checkpointing: _,
        no_shuffle: _,
        lr: _,
        optimizer: _,
        warmup_ratio: _,
        max_grad_norm: _,
        loss: _,
        seed: _,
        // A training that resumes may change these.
        out: _,
        save_steps: _,
        save_total_limit: _,
        no_resume: _,
        dry_run: _,
        no_memory_check: _,
        tensorboard: _,
        predictions: _,
    } = args;
    let or_none = |number: &Option<usize>| number.map_or("none".into(), |number| number.to_string());
    fingerprint.insert("eval_steps", or_none(eval_steps));
    fingerprint.insert("patience", or_none(patience));
    let metric = metric.to_possible_value().map(|value| value.get_name().to_string());
    fingerprint.insert("metric", metric.unwrap_or_default());
    let name = |value: Option<clap::builder::PossibleValue>| value.map(|value| value.get_name().to_string());
    // Without these options the fingerprint is that of earlier versions.
    let dtype = Some(dtype).filter(|dtype| **dtype != DtypeName::Auto);
    let chosen = [
        ("head", head.as_ref().and_then(|head| name(head.to_possible_value()))),
        ("problem_type", problem_type.as_ref().and_then(|kind| name(kind.to_possible_value()))),
        ("dtype", dtype.and_then(|dtype| name(dtype.to_possible_value()))),
        ("keep_quantized", keep_quantized.then(|| "true".into())),
    ];
    for (option, value) in chosen {
        value.into_iter().for_each(|value| fingerprint.insert(option, value));
    }
    Ok(())
}

/// Adds the data of a task.
fn add_task(fingerprint: &mut Fingerprint, task: &Task) -> anyhow::Result<()> {
    // Without `..`: a new field does not compile until it has its place here. A file may move, the adapter is a fact of
    // all tasks together, and the epoch and the names of the labels have no part in the steps.
    let Task { name, data, held_out, places: _, path: _, label_names: _, adapter: _, epoch: _ } = task;
    let of = |what: &str| name.as_ref().map_or(what.into(), |name| format!("{what} of task `{name}`"));
    fingerprint.insert_hash(of("data"), data)?;
    fingerprint.insert_hash(of("held-out data"), held_out)?;
    Ok(())
}

/// The bytes of all values of an adapter, by name.
fn values(adapter: &Adapter) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut all = vec![];
    for (path, vector) in &adapter.vectors {
        all.push((path.clone(), vector.values().try_into_data()?.bytes().to_vec()));
    }
    all.extend(adapter.saved.iter().map(|(path, data)| (path.clone(), data.bytes().to_vec())));
    Ok(all)
}

/// The fields of `adapter_config.json`, and the number of trained values.
fn of_adapter(adapter: &Adapter) -> anyhow::Result<Vec<(String, String)>> {
    let fields: BTreeMap<String, Value> = serde_json::from_str(&adapter.config.to_json())?;
    let trainable = ("trained values".to_string(), adapter.num_trainable().to_string());
    Ok(fields.into_iter().map(|(name, value)| (name, value.to_string())).chain([trainable]).collect())
}
