//! The operations of `ia3-ops` beside the same operations composed of burn's own, without and with the backward pass.
#![allow(missing_docs)]

mod attention;
mod layers;
mod losses;
mod rows;

use burn::tensor::{Device, Distribution, Tensor};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ia3_benches::device;

/// Runs `f` and waits for its result, which a GPU may still compute when `f` returns.
fn done<T>(device: &Device, f: impl FnOnce() -> T) -> T {
    let made = f();
    device.sync().unwrap();
    made
}

/// `run` of a random matrix by this library and by burn, without and with the backward pass. `run` is told whether it is this library.
fn both_ways(
    c: &mut Criterion,
    device: &Device,
    name: &str,
    dims: [usize; 2],
    run: impl Fn(Tensor<2>, bool) -> Tensor<2>,
) {
    let mut group = c.benchmark_group(format!("{name}/{}x{}", dims[0], dims[1]));
    group.sample_size(20);
    for (side, is_ours) in [("ours", true), ("burn", false)] {
        let x = Tensor::random(dims, Distribution::Normal(0.0, 1.0), device);
        group.bench_function(BenchmarkId::new("forward", side), |b| {
            b.iter(|| done(device, || run(x.clone(), is_ours)))
        });
        let x = Tensor::random(dims, Distribution::Normal(0.0, 1.0), &device.clone().autodiff());
        let x = x.require_grad();
        group.bench_function(BenchmarkId::new("backward", side), |b| {
            b.iter(|| done(device, || run(x.clone(), is_ours).sum().backward()))
        });
    }
}

fn all(c: &mut Criterion) {
    let device = device();
    layers::quantizing(c, &device);
    rows::unary(c, &device);
    rows::norms(c, &device);
    rows::scale(c, &device);
    losses::nll(c, &device);
    losses::nll_by_blocks(c, &device);
    attention::attention(c, &device);
    attention::slot_attention(c, &device);
    layers::layer(c, &device);
    layers::tied_head(c, &device);
}

criterion_group!(benches, all);
criterion_main!(benches);
