//! A batch whose rows have their own adapters, compared with the same batch under one adapter: 8 rows with 1 and with 8
//! adapters, and 64 rows with 64. The last lines are ratios of medians over rounds in which both alternate.
#![allow(missing_docs)]

use burn::tensor::Device;
use criterion::{Criterion, criterion_group, criterion_main};
use ia3::core::Adapter;
use ia3::models::Model;
use ia3_benches::{SHAPES, Setup, Shape, device, in_turns};

/// The model with one adapter for all rows, and the model with `distinct` adapters that the rows use in turn.
fn arms(setup: &Setup, batch: usize, distinct: usize) -> [(String, Model); 2] {
    let adapters: Vec<Adapter> = (0..distinct).map(|_| setup.adapter.fork()).collect();
    let rows: Vec<Option<&Adapter>> = (0..batch).map(|row| adapters.get(row % distinct)).collect();
    [
        ("one adapter".into(), ia3::attach(&setup.base, &[&setup.adapter]).unwrap()),
        (format!("rows of {distinct}"), ia3::attach_rows(&setup.base, &rows).unwrap()),
    ]
}

fn forward(setup: &Setup, model: &Model, device: &Device) {
    model.loss(&setup.inputs, setup.labels.clone()).unwrap();
    device.sync().unwrap();
}

fn decode(setup: &Setup, model: &Model) {
    let mut config = model.generation_config(8);
    config.min_new_tokens = 8;
    model.generate(&setup.inputs, &config).unwrap();
}

fn rows(c: &mut Criterion) {
    let device = device();
    for shape in SHAPES.iter().filter(|shape| ["t5-small", "gpt2"].contains(&shape.name)) {
        for (batch, distinct, input) in [(8, 1, 64), (8, 8, 64), (64, 64, 16)] {
            let name = format!("{}/{batch}x{input}", shape.name);
            let setup = Shape { batch, input, ..*shape }.setup(&device);
            let arms = arms(&setup, batch, distinct);
            let mut group = c.benchmark_group(format!("{name}/forward"));
            group.sample_size(10);
            for (arm, model) in &arms {
                group.bench_function(arm, |b| b.iter(|| forward(&setup, model, &device)));
            }
            group.finish();
            let [(_, one), (arm, mixed)] = &arms;
            println!(
                "{name}/forward {arm}: {}",
                in_turns(15, || forward(&setup, one, &device), || forward(&setup, mixed, &device))
            );
            println!(
                "{name}/decode_8 {arm}: {}",
                in_turns(7, || decode(&setup, one), || decode(&setup, mixed))
            );
        }
    }
}

criterion_group!(benches, rows);
criterion_main!(benches);
