//! Products of layers and heads, and quantising.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype};
use burn::tensor::{Device, Distribution, Tensor};
use criterion::Criterion;
use ia3::{ActivationSpace, Bits, Ia3Forward, quantize};

use crate::done;

/// A layer of a base in float32 and in 8 bits, on one row, as in decoding, and on many rows.
pub(crate) fn layer(c: &mut Criterion, device: &Device) {
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
pub(crate) fn tied_head(c: &mut Criterion, device: &Device) {
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
pub(crate) fn quantizing(c: &mut Criterion, device: &Device) {
    let weight = Tensor::<2>::random([768, 3072], Distribution::Normal(0.0, 1.0), device);
    let scheme = QuantScheme::default().with_value(QuantValue::Q8S).with_store(QuantStore::Native);
    let scheme = scheme.per_block([64, 1], ScaleDtype::F32);
    let mut group = c.benchmark_group("quantize/768x3072");
    group.sample_size(10);
    group.bench_function("ours", |b| b.iter(|| done(device, || ia3_ops::quantize(weight.clone(), &scheme))));
    group.bench_function("burn", |b| b.iter(|| done(device, || weight.clone().quantize_dynamic(&scheme))));
}
