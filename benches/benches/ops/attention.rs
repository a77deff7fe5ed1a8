//! Attention of whole batches, and of rows with different numbers of keys.

use std::sync::Arc;

use burn::tensor::{Device, Distribution, Tensor, activation};
use criterion::{BenchmarkId, Criterion};
use ia3_ops::SlotRow;

use crate::done;

pub(crate) fn attention(c: &mut Criterion, device: &Device) {
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
                group
                    .bench_function(BenchmarkId::new(what, side), |b| b.iter(|| done(&device, || run(ours))));
            }
        }
    }
}

/// Eight rows of one query each, with different numbers of keys, as when serving; by burn one row after the other.
pub(crate) fn slot_attention(c: &mut Criterion, device: &Device) {
    let random = |dims| Tensor::<4>::random(dims, Distribution::Normal(0.0, 1.0), device);
    let (q, keys, values) = (random([8, 12, 1, 64]), random([8, 12, 512, 64]), random([8, 12, 512, 64]));
    let bias = Tensor::zeros([1, 1, 1, 512], device);
    let rows = Arc::new((0..8).map(|slot| SlotRow { slot, keys: 64 * (slot + 1) }).collect::<Vec<_>>());
    let mut group = c.benchmark_group("slot_attention/8x12x64");
    group.bench_function("ours", |b| {
        b.iter(|| done(device, || ia3_ops::slot_attention(&q, [&keys, &values], &bias, 0.125, &rows)))
    });
    group.bench_function("burn", |b| {
        b.iter(|| {
            done(device, || {
                for SlotRow { slot, keys: n } in rows.iter() {
                    let row = |x: &Tensor<4>| x.clone().narrow(0, *slot, 1);
                    let [keys, values] = [&keys, &values].map(|x| row(x).narrow(2, 0, *n));
                    let scores = (row(&q) * 0.125).matmul(keys.swap_dims(2, 3));
                    activation::softmax(scores, 3).matmul(values);
                }
            })
        })
    });
}
