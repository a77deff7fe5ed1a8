//! Forward, train step and decode of whole models: base, with an adapter, merged.
#![allow(missing_docs)]

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use criterion::{Criterion, criterion_group, criterion_main};
use ia3::Model;
use ia3::train::OptimizerConfig;
use ia3_benches::{SHAPES, Setup, device};

fn arms(setup: &Setup) -> [(&'static str, Model); 3] {
    let adapters = [&setup.adapter];
    [
        ("base", setup.base.clone()),
        ("adapter", ia3::attach(&setup.base, &adapters).unwrap()),
        ("merged", ia3::merge(&setup.base, &adapters).unwrap()),
    ]
}

fn forward(c: &mut Criterion, device: &Device) {
    for shape in SHAPES {
        let setup = shape.setup(device);
        let mut group = c.benchmark_group(format!("{}/forward", shape.name));
        group.sample_size(10);
        for (arm, model) in arms(&setup) {
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

fn train_step(c: &mut Criterion, device: &Device) {
    for shape in SHAPES {
        let setup = shape.setup(device);
        let mut group = c.benchmark_group(format!("{}/train_step", shape.name));
        group.sample_size(10);
        let adapted = ia3::attach(&setup.base, &[&setup.adapter]).unwrap();
        for (arm, model) in [("all_weights", setup.base.clone()), ("adapter", adapted)] {
            let mut optimizer = OptimizerConfig::adamw().init();
            let mut model = Some(model.train());
            group.bench_function(arm, |b| {
                b.iter(|| {
                    let now = model.take().unwrap();
                    let loss = now.loss(&setup.inputs, setup.labels.clone()).unwrap();
                    let grads = GradientsParams::from_grads(loss.backward(), &now);
                    model = Some(optimizer.step(1e-6, now, grads));
                    device.sync().unwrap();
                })
            });
        }
    }
}

fn decode(c: &mut Criterion, device: &Device) {
    for shape in SHAPES {
        let setup = shape.setup(device);
        let mut group = c.benchmark_group(format!("{}/decode_32", shape.name));
        group.sample_size(10);
        for (arm, model) in arms(&setup) {
            let mut config = model.generation_config(32);
            config.min_new_tokens = 32;
            group.bench_function(arm, |b| {
                b.iter(|| model.generate(&setup.inputs, &config, &mut |_| ()).unwrap())
            });
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
