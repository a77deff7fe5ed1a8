//! Training by kind of target: examples per second, in batches in the order of the data and in batches of similar length. The
//! lines before show the share of padding.
#![allow(missing_docs)]

use burn::tensor::Device;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ia3::train::{EpochPlan, TrainConfig, Trainer};
use ia3_benches::{Workload, device};

const ROWS: usize = 256;

/// The name of a kind of batches, and the number of batches that are sorted by length together.
const ORDERS: [(&str, usize); 2] = [("as they come", 1), ("of similar length", 32)];

fn workload(c: &mut Criterion, workload: Workload, device: &Device) {
    let setup = workload.shape().setup(device);
    let data = workload.dataset(ROWS, device);
    let mut group = c.benchmark_group(format!("{}/training/{}", workload.shape().name, workload.name()));
    group.sample_size(10);
    for (name, bucket) in ORDERS {
        // The training never ends, and the learning rate does not change the vectors.
        let config = TrainConfig::t_few().with_bucket(bucket).with_steps(1 << 20).with_learning_rate(1e-9);
        let plan = EpochPlan::single_task(&data, &config, setup.base.task()).unwrap();
        println!("{} {name}: {:.1} % padding", workload.name(), 100.0 * plan.padding_share());
        let model = ia3::attach(&setup.base, &[&setup.adapter]).unwrap();
        let mut trainer = Trainer::new(model, &data, &config).unwrap();
        group.throughput(Throughput::Elements(config.batch_size as u64));
        group.bench_function(name, |b| {
            b.iter(|| {
                trainer.step().unwrap();
                device.sync().unwrap();
            })
        });
    }
}

fn all(c: &mut Criterion) {
    let device = device();
    Workload::ALL.into_iter().for_each(|kind| workload(c, kind, &device));
}

criterion_group!(benches, all);
criterion_main!(benches);
