//! The operations of `ia3-ops` beside the same composed of burn's own, forward alone and with backward.
#![allow(missing_docs)]

use burn::tensor::{Device, Distribution, Int, Tensor, activation};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ia3_benches::device;

type Unary = fn(Tensor<2>) -> Tensor<2>;

/// Name, ours, burn's.
const UNARY: [(&str, Unary, Unary); 4] = [
    ("gelu", ia3_ops::gelu, activation::gelu),
    ("gelu_tanh", ia3_ops::gelu_tanh, activation::gelu_approximate),
    ("silu", ia3_ops::silu, activation::silu),
    ("softmax_last", ia3_ops::softmax_last, |x| activation::softmax(x, 1)),
];

fn unary(c: &mut Criterion, device: &Device) {
    for (name, ours, burns) in UNARY {
        for dims in [[8, 3072], [1024, 3072]] {
            let mut group = c.benchmark_group(format!("{name}/{}x{}", dims[0], dims[1]));
            group.sample_size(20);
            for (side, f) in [("ours", ours), ("burn", burns)] {
                let x = Tensor::random(dims, Distribution::Normal(0.0, 1.0), device);
                group.bench_function(BenchmarkId::new("forward", side), |b| b.iter(|| f(x.clone())));
                let x = Tensor::random(dims, Distribution::Normal(0.0, 1.0), &device.clone().autodiff())
                    .require_grad();
                group.bench_function(BenchmarkId::new("backward", side), |b| {
                    b.iter(|| f(x.clone()).sum().backward())
                });
            }
        }
    }
}

fn nll(c: &mut Criterion, device: &Device) {
    let device = device.clone().autodiff();
    let logits = Tensor::<2>::random([128, 32128], Distribution::Normal(0.0, 1.0), &device).require_grad();
    let targets = Tensor::<1, Int>::arange(0..128, &device);
    let mut group = c.benchmark_group("nll/128x32128");
    group.sample_size(10);
    group.bench_function("backward/ours", |b| {
        b.iter(|| ia3_ops::nll(logits.clone(), targets.clone()).sum().backward())
    });
    group.bench_function("backward/burn", |b| {
        b.iter(|| {
            let likelihoods = activation::log_softmax(logits.clone(), 1);
            likelihoods.gather(1, targets.clone().unsqueeze_dim(1)).neg().sum().backward()
        })
    });
}

fn attention(c: &mut Criterion, device: &Device) {
    for (queries, keys) in [(1, 160), (128, 128), (512, 512)] {
        let mut group = c.benchmark_group(format!("attention/8x12x{queries}x{keys}x64"));
        group.sample_size(10);
        for backward in [false, true] {
            let device = if backward { device.clone().autodiff() } else { device.clone() };
            let x = |rows| Tensor::<4>::random([8, rows, 12, 64], Distribution::Normal(0.0, 1.0), &device);
            let leaf = |rows| if backward { x(rows).require_grad() } else { x(rows) };
            let (q, k, v) = (leaf(queries), leaf(keys), leaf(keys));
            let bias = Tensor::<4>::zeros([1, 12, queries, keys], &device);
            let run = |ours: bool| {
                let [q, k, v] = [&q, &k, &v].map(|x| x.clone().swap_dims(1, 2));
                let out = match ours {
                    true => ia3_ops::attention(q, k, v, Some(bias.clone()), 0.125),
                    false => {
                        let scores = (q * 0.125).matmul(k.swap_dims(2, 3)) + bias.clone();
                        activation::softmax(scores, 3).matmul(v)
                    }
                };
                if backward {
                    out.sum().backward();
                }
            };
            let what = if backward { "backward" } else { "forward" };
            for (side, ours) in [("ours", true), ("burn", false)] {
                group.bench_function(BenchmarkId::new(what, side), |b| b.iter(|| run(ours)));
            }
        }
    }
}

fn all(c: &mut Criterion) {
    let device = device();
    unary(c, &device);
    nll(c, &device);
    attention(c, &device);
}

criterion_group!(benches, all);
criterion_main!(benches);
