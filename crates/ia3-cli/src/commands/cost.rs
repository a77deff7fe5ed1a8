//! `ia3 cost`.

use std::fmt;
use std::process::ExitCode;

use burn::module::Module;
use burn::tensor::Device;
use ia3::Ia3Config;
use ia3::models::cost::{self, Method, Workload};
use serde::Serialize;

use super::{base_config, targets};
use crate::args::{Cost, Format};
use crate::output;

#[derive(Serialize)]
struct Report {
    model_type: String,
    parameters: usize,
    seq: usize,
    batch: usize,
    steps: usize,
    methods: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    method: String,
    trainable_parameters: u64,
    disk_bytes: u64,
    inference_flops: f64,
    training_flops: f64,
    frozen_training_flops: f64,
    weight_memory: u64,
    optimizer_memory: u64,
    activation_memory: u64,
}

pub(crate) fn run(args: &Cost, device: &Device, format: Format) -> anyhow::Result<ExitCode> {
    let config = base_config::read(&args.config)?;
    let model = config.init(device);
    let vectors = Ia3Config { task_type: ia3::task_type(model.task()), ..Ia3Config::new() };
    let vectors = targets::with(vectors, &args.targets, args.feedforward.as_deref());
    let plan = vectors.plan(&model.info())?;
    let Cost { batch, steps, lora_rank, shots, weight_bytes, .. } = *args;
    let seq = config.image().map_or(args.seq, |image| image.tokens);
    let shot_tokens = args.shot_tokens.unwrap_or(seq);
    let workload = Workload { seq, batch, steps, lora_rank, shots, shot_tokens, weight_bytes };
    let parameters = model.num_params();
    let costs = cost::costs(&config, &model.info(), parameters, &plan, &workload);
    let methods = costs.into_iter().map(row).collect();
    let model_type = config.model_type().to_string();
    output::report(&Report { model_type, parameters, seq, batch, steps, methods }, format)?;
    Ok(ExitCode::SUCCESS)
}

fn row(cost: cost::Cost) -> Row {
    let method = match cost.method {
        Method::Ia3 => "(IA)³".into(),
        Method::Lora(rank) => format!("LoRA r={rank}"),
        Method::FullFineTuning => "full".into(),
        Method::InContext(shots) => format!("{shots} shots"),
    };
    Row {
        method,
        trainable_parameters: cost.trainable_parameters,
        disk_bytes: cost.disk_bytes,
        inference_flops: cost.inference_flops as f64,
        training_flops: cost.training_flops as f64,
        frozen_training_flops: cost.frozen_training_flops as f64,
        weight_memory: cost.weight_memory,
        optimizer_memory: cost.optimizer_memory,
        activation_memory: cost.activation_memory,
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model_type, parameters, seq, batch, steps, .. } = self;
        writeln!(
            f,
            "{model_type} with {parameters} parameters; {steps} steps of {batch} examples with {seq} tokens\n"
        )?;
        write!(f, "{:34}", "")?;
        self.methods.iter().try_for_each(|row| write!(f, " {:>15}", row.method))?;
        self.line(f, "trainable parameters", |row| row.trainable_parameters.to_string())?;
        self.line(f, "bytes on disk", |row| row.disk_bytes.to_string())?;
        self.line(f, "operations per example, inference", |row| flops(row.inference_flops))?;
        self.line(f, "operations, training (paper)", |row| flops(row.training_flops))?;
        self.line(f, "operations, training (computed)", |row| flops(row.frozen_training_flops))?;
        self.line(f, "memory: weights", |row| bytes(row.weight_memory))?;
        self.line(f, "memory: gradients, optimiser", |row| bytes(row.optimizer_memory))?;
        self.line(f, "memory: activations, or the cache", |row| bytes(row.activation_memory))
    }
}

impl Report {
    fn line(&self, f: &mut fmt::Formatter<'_>, what: &str, figure: impl Fn(&Row) -> String) -> fmt::Result {
        write!(f, "\n{what:34}")?;
        self.methods.iter().try_for_each(|row| write!(f, " {:>15}", figure(row)))
    }
}

fn flops(operations: f64) -> String {
    if operations == 0.0 { "0".into() } else { format!("{operations:.3e}") }
}

fn bytes(bytes: u64) -> String {
    let units = [("GiB", 1u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, size)| bytes >= *size) {
        Some((unit, size)) => format!("{:.2} {unit}", bytes as f64 / size as f64),
        None => format!("{bytes} B"),
    }
}
