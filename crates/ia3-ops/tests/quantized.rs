//! Products with quantised weights against the same weights as floats.

use burn::tensor::quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype};
use burn::tensor::{Device, Distribution, Tensor, TensorData};
use ia3_ops::matmul_quantized;

/// Largest difference of a sum of up to 512 products, of the largest sum: the order of summation.
const TOLERANCE: f64 = 1e-5;

fn weight(value: QuantValue, block: [u8; 2], dims: [usize; 2]) -> Tensor<2> {
    let scheme = QuantScheme::default().with_value(value).with_store(QuantStore::Native);
    let floats = Tensor::<2>::random(dims, Distribution::Normal(0.0, 1.0), &Device::flex());
    floats.quantize_dynamic(&scheme.per_block(block, ScaleDtype::F32))
}

/// The product in float64, and the largest difference from it.
fn worst(got: TensorData, x: &TensorData, w: &TensorData) -> f64 {
    let ([rows, inner], outputs) = ([x.shape()[0], x.shape()[1]], w.shape()[1]);
    let (x, w): (Vec<f64>, Vec<f64>) = (x.iter().collect(), w.iter().collect());
    let exact = |i: usize| -> f64 {
        (0..inner).map(|k| x[i / outputs * inner + k] * w[k * outputs + i % outputs]).sum()
    };
    let exact: Vec<f64> = (0..rows * outputs).map(exact).collect();
    let largest = exact.iter().fold(0f64, |m, e| m.max(e.abs()));
    let difference = got.iter::<f64>().zip(&exact).map(|(g, e)| (g - e).abs());
    difference.fold(0.0, |m: f64, d| if d.is_nan() { f64::INFINITY } else { m.max(d) }) / largest
}

#[test]
fn products_and_gradients_are_those_of_the_floats() {
    Device::flex().seed(7);
    for value in [QuantValue::Q8S, QuantValue::Q4S] {
        // Few rows and many, outputs that fill no task and several, and a scheme without a kernel (blocks of outputs).
        let shapes = [([64, 1], [64, 8]), ([32, 1], [512, 300]), ([10, 1], [20, 513]), ([1, 16], [48, 64])];
        for (block, dims) in shapes {
            let w = weight(value, block, dims);
            let floats = w.clone().dequantize();
            for rows in [1, 3, 8, 9, 40] {
                let x = Tensor::<2>::random([rows, dims[0]], Distribution::Normal(0.0, 1.0), &Device::flex());
                let got = matmul_quantized(x.clone(), w.clone());
                assert_eq!(got.dims(), [rows, dims[1]]);
                let difference = worst(got.into_data(), &x.to_data(), &floats.to_data());
                assert!(difference < TOLERANCE, "{value:?} {dims:?}, {rows} rows: {difference:e}");

                let tracked = x.autodiff().require_grad();
                let y = matmul_quantized(tracked.clone(), w.clone());
                let g = Tensor::<2>::random(y.dims(), Distribution::Normal(0.0, 1.0), &Device::flex());
                let grads = (y * g.clone().autodiff()).sum().backward();
                let dx = tracked.grad(&grads).unwrap().into_data();
                let difference = worst(dx, &g.to_data(), &floats.clone().transpose().to_data());
                assert!(difference < TOLERANCE, "{value:?} {dims:?}, {rows} rows, gradient: {difference:e}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "a weight of 64 inputs got 32")]
fn shapes_have_to_fit() {
    let x = Tensor::<2>::zeros([1, 32], &Device::flex());
    matmul_quantized(x, weight(QuantValue::Q8S, [64, 1], [64, 8]));
}
