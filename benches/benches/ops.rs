//! The operations of `ia3-ops` beside the same operations composed of burn's own, without and with the backward pass.
#![allow(missing_docs)]

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype};
use burn::tensor::{Device, Distribution, Int, Tensor, activation};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ia3::{ActivationSpace, Bits, Ia3Forward, quantize};
use ia3_benches::device;

type Unary = fn(Tensor<2>) -> Tensor<2>;

/// Runs `f` and waits for its result, which a GPU may still compute when `f` returns.
fn done<T>(device: &Device, f: impl FnOnce() -> T) -> T {
    let made = f();
    device.sync().unwrap();
    made
}

/// The name, the operation of `ia3-ops`, and that of burn.
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
                group.bench_function(BenchmarkId::new("forward", side), |b| {
                    b.iter(|| done(device, || f(x.clone())))
                });
                let x = Tensor::random(dims, Distribution::Normal(0.0, 1.0), &device.clone().autodiff())
                    .require_grad();
                group.bench_function(BenchmarkId::new("backward", side), |b| {
                    b.iter(|| done(device, || f(x.clone()).sum().backward()))
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
                group
                    .bench_function(BenchmarkId::new(what, side), |b| b.iter(|| done(&device, || run(ours))));
            }
        }
    }
}

/// A layer of a base in float32 and in 8 bits, on one row, as in decoding, and on many rows.
fn layer(c: &mut Criterion, device: &Device) {
    #[derive(Module, Debug)]
    struct Layer {
        wi: Linear,
    }
    impl ActivationSpace for Layer {}

    let float = Layer { wi: LinearConfig::new(768, 3072).init(device) };
    let (eight, _) = quantize(&float, Bits::Eight).unwrap();
    let (four, _) = quantize(&float, Bits::Four).unwrap();
    let [fast_eight, fast_four] = [&eight, &four].map(|layer| ia3::with_integer_products(layer.clone()));
    let layers = [
        ("float32", &float),
        ("int8", &eight),
        ("int4", &four),
        ("int8, fast integers", &fast_eight),
        ("int4, fast integers", &fast_four),
    ];
    for rows in [1, 8, 1024] {
        let x = Tensor::<2>::random([rows, 768], Distribution::Normal(0.0, 1.0), device);
        let mut group = c.benchmark_group(format!("layer/{rows}x768x3072"));
        group.sample_size(20);
        for (weights, layer) in layers {
            group.bench_function(weights, |b| b.iter(|| done(device, || layer.wi.ia3_forward(x.clone()))));
        }
    }
}

/// `x·wᵀ`, the product of tied heads.
fn tied_head(c: &mut Criterion, device: &Device) {
    let embedding = Tensor::<2>::random([32128, 512], Distribution::Normal(0.0, 1.0), device);
    for rows in [1, 8] {
        let x = Tensor::<2>::random([rows, 512], Distribution::Normal(0.0, 1.0), device);
        let mut group = c.benchmark_group(format!("matmul_transposed/{rows}x512x32128"));
        group.sample_size(10);
        group.bench_function("ours", |b| {
            b.iter(|| done(device, || ia3_ops::matmul_transposed(x.clone(), embedding.clone())))
        });
        group.bench_function("burn", |b| {
            b.iter(|| done(device, || x.clone().matmul(embedding.clone().transpose())))
        });
    }
}

/// The weight of a layer in 8 bits: by this library and by burn.
fn quantizing(c: &mut Criterion, device: &Device) {
    let weight = Tensor::<2>::random([768, 3072], Distribution::Normal(0.0, 1.0), device);
    let scheme = QuantScheme::default().with_value(QuantValue::Q8S).with_store(QuantStore::Native);
    let scheme = scheme.per_block([64, 1], ScaleDtype::F32);
    let mut group = c.benchmark_group("quantize/768x3072");
    group.sample_size(10);
    group.bench_function("ours", |b| b.iter(|| done(device, || ia3_ops::quantize(weight.clone(), &scheme))));
    group.bench_function("burn", |b| b.iter(|| done(device, || weight.clone().quantize_dynamic(&scheme))));
}

fn all(c: &mut Criterion) {
    let device = device();
    quantizing(c, &device);
    unary(c, &device);
    nll(c, &device);
    attention(c, &device);
    layer(c, &device);
    tied_head(c, &device);
}

criterion_group!(benches, all);
criterion_main!(benches);
