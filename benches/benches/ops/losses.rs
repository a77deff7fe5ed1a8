//! Losses of classes.

use burn::tensor::{Device, Distribution, Int, Tensor, activation};
use criterion::Criterion;

use crate::done;

pub(crate) fn nll(c: &mut Criterion, device: &Device) {
    let device = device.clone().autodiff();
    let logits = Tensor::<2>::random([128, 32128], Distribution::Normal(0.0, 1.0), &device).require_grad();
    let targets = Tensor::<1, Int>::arange(0..128, &device);
    let mut group = c.benchmark_group("nll/128x32128");
    group.sample_size(10);
    group.bench_function("backward/ours", |b| {
        b.iter(|| done(&device, || ia3_ops::nll(logits.clone(), targets.clone()).sum().backward()))
    });
    group.bench_function("backward/burn", |b| {
        b.iter(|| {
            done(&device, || {
                let likelihoods = activation::log_softmax(logits.clone(), 1);
                likelihoods.gather(1, targets.clone().unsqueeze_dim(1)).neg().sum().backward()
            })
        })
    });
}

/// Losses of a tied head, whose logits are computed for some rows at a time or all at once.
pub(crate) fn nll_by_blocks(c: &mut Criterion, device: &Device) {
    let device = device.clone().autodiff();
    let random = |dims| Tensor::<2>::random(dims, Distribution::Normal(0.0, 1.0), &device);
    let (table, x) = (random([32128, 512]).set_require_grad(false), random([1024, 512]).require_grad());
    let targets = Tensor::<1, Int>::arange(0..1024, &device);
    let logits = |x| ia3_ops::matmul_transposed(x, table.clone());
    let mut group = c.benchmark_group("nll_by_blocks/1024x512x32128");
    group.sample_size(10);
    group.bench_function("backward/by blocks", |b| {
        b.iter(|| {
            let losses = ia3_ops::nll_by_blocks(x.clone(), targets.clone(), 32128, logits);
            done(&device, || losses.sum().backward())
        })
    });
    group.bench_function("backward/at once", |b| {
        b.iter(|| done(&device, || ia3_ops::nll(logits(x.clone()), targets.clone()).sum().backward()))
    });
}
