//! The forward pass, the training step and decoding of whole models: the base, with an adapter, merged, and with two adapters
//! that the rows of the batch use alternately.
#![allow(missing_docs)]

use burn::tensor::Device;
use criterion::{Criterion, criterion_group, criterion_main};
use ia3::Task;
use ia3_benches::{SHAPES, TrainStep, device};

fn forward(c: &mut Criterion, device: &Device) {
    for shape in SHAPES {
        let setup = shape.setup(device);
        let mut group = c.benchmark_group(format!("{}/forward", shape.name));
        group.sample_size(10);
        for (arm, model) in setup.arms() {
            group.bench_function(arm, |b| {
                b.iter(|| {
                    let loss = model.loss(&setup.inputs, setup.labels.clone()).unwrap();
                    device.sync().unwrap();
                    loss
                })
            });
        }
    }
}

/// The base and the merged model have no vectors, so all their weights are trained.
fn train_step(c: &mut Criterion, device: &Device) {
    for shape in SHAPES {
        let setup = shape.setup(device);
        let mut group = c.benchmark_group(format!("{}/train_step", shape.name));
        group.sample_size(10);
        for (arm, model) in setup.arms() {
            let mut training = TrainStep::new(model);
            group.bench_function(arm, |b| b.iter(|| training.step(&setup)));
        }
    }
}

fn decode(c: &mut Criterion, device: &Device) {
    for shape in SHAPES {
        let setup = shape.setup(device);
        if setup.base.task() == Task::SequenceClassification {
            continue;
        }
        let mut group = c.benchmark_group(format!("{}/decode_32", shape.name));
        group.sample_size(10);
        for (arm, model) in setup.arms() {
            let mut config = model.generation_config(32);
            config.min_new_tokens = 32;
            group.bench_function(arm, |b| b.iter(|| model.generate(&setup.inputs, &config).unwrap()));
        }
    }
}

fn all(c: &mut Criterion) {
    let device = device();
    forward(c, &device);
    train_step(c, &device);
    decode(c, &device);
}

criterion_group!(benches, all);
criterion_main!(benches);
