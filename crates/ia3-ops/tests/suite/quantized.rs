//! Products with quantised weights against the same weights as floats.

use burn::tensor::quantization::{QuantScheme, QuantStore, QuantValue, ScaleDtype};
use burn::tensor::{Device, Tensor, TensorData};
use ia3_ops::{
    has_integer_products, has_minima, in_form_of, matmul_quantized, minima, quantize, with_float_products,
    with_halves_of_bytes, with_integer_products, with_minima, without_minima,
};

use crate::values::normal;

/// Largest difference of a sum of up to 512 products, of the largest sum: the order of summation.
const TOLERANCE: f64 = 1e-5;

fn random(dims: [usize; 2]) -> Tensor<2> {
    normal(dims, 1.0, &Device::flex())
}

fn weight(value: QuantValue, block: [u8; 2], dims: [usize; 2]) -> Tensor<2> {
    let scheme = QuantScheme::default().with_value(value).with_store(QuantStore::Native);
    let floats = random(dims);
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
    for value in [QuantValue::Q8S, QuantValue::Q4S] {
        // Few rows and many, outputs that fill no task and several, and a scheme without a kernel (blocks of outputs).
        let shapes = [([64, 1], [64, 8]), ([32, 1], [512, 300]), ([10, 1], [20, 513]), ([1, 16], [48, 64])];
        for (block, dims) in shapes {
            let w = weight(value, block, dims);
            let floats = w.clone().dequantize();
            for rows in [1, 3, 8, 9, 40] {
                let x = random([rows, dims[0]]);
                let got = matmul_quantized(x.clone(), w.clone());
                assert_eq!(got.dims(), [rows, dims[1]]);
                let difference = worst(got.into_data(), &x.to_data(), &floats.to_data());
                assert!(difference < TOLERANCE, "{value:?} {dims:?}, {rows} rows: {difference:e}");

                let tracked = x.autodiff().require_grad();
                let y = matmul_quantized(tracked.clone(), w.clone());
                let g = random(y.dims());
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

/// A weight that is multiplied in integers: few rows within the bound of their rounding, and everything else as before.
#[test]
fn integer_products_are_within_half_a_step_and_the_rest_is_exact() {
    for value in [QuantValue::Q8S, QuantValue::Q4S] {
        for (block, dims) in [([64, 1], [64, 8]), ([32, 1], [512, 300]), ([9, 1], [27, 513])] {
            let w = weight(value, block, dims);
            let fast = with_integer_products(w.clone());
            assert!(has_integer_products(&fast) && !has_integer_products(&w));
            assert_eq!(fast.dims(), dims);
            let back = with_float_products(fast.clone());
            assert_eq!(back.dtype(), w.dtype());
            back.into_data().assert_eq(&w.to_data(), true);
            let magnitudes = w.clone().dequantize().abs();
            for rows in [1, 3, 8, 9] {
                let x = random([rows, dims[0]]);
                let exact = matmul_quantized(x.clone(), w.clone());
                let got = matmul_quantized(x.clone(), fast.clone());
                // At most half of the step of each block, which is its largest magnitude by 127.
                let steps = x.clone().abs().reshape([rows, dims[0] / usize::from(block[0]), block[0].into()]);
                let steps = steps.max_dim(2).expand([rows, dims[0] / usize::from(block[0]), block[0].into()]);
                let bound = (steps.reshape([rows, dims[0]]) / 254.0).matmul(magnitudes.clone());
                let off = (got - exact.clone()).abs();
                let over = off.clone().greater(bound * 1.001 + 1e-4).any().into_scalar::<bool>();
                assert!(!over, "{value:?} {dims:?}, {rows} rows");
                assert_eq!(off.max().into_scalar::<f32>() > 0.0, rows < 9, "{value:?} {dims:?}, {rows} rows");

                let gradient = |w: &Tensor<2>| {
                    let x = x.clone().autodiff().require_grad();
                    let y = matmul_quantized(x.clone(), w.clone());
                    y.clone().inner().into_data().assert_eq(&exact.to_data(), true);
                    x.grad(&y.square().sum().backward()).unwrap().into_data()
                };
                gradient(&fast).assert_eq(&gradient(&w), true);
            }
        }
    }
    let floats = Tensor::<2>::ones([8, 2], &Device::flex());
    assert_eq!(with_integer_products(floats.clone()).dtype(), floats.dtype());
}

/// What a weight makes of rows and of gradients.
fn made_of(w: &Tensor<2>, x: &Tensor<2>, g: &Tensor<2>) -> [TensorData; 3] {
    let tracked = x.clone().autodiff().require_grad();
    let y = matmul_quantized(tracked.clone(), w.clone());
    let grads = (y.clone() * g.clone().autodiff()).sum().backward();
    let dx = tracked.grad(&grads).unwrap().into_data();
    [matmul_quantized(x.clone(), w.clone()).into_data(), y.inner().into_data(), dx]
}

#[test]
fn halves_of_bytes_have_the_bits_of_whole_ones() {
    for value in [QuantValue::Q4S, QuantValue::Q4F] {
        for (block, dims) in [([64, 1], [64, 8]), ([32, 1], [512, 300]), ([9, 1], [27, 513])] {
            let w = weight(value, block, dims);
            let halves = with_halves_of_bytes(w.clone());
            assert_ne!(halves.dtype(), w.dtype());
            assert!(!has_integer_products(&halves));
            with_float_products(halves.clone()).into_data().assert_eq(&w.to_data(), true);
            for rows in [1, 3, 8, 9, 40] {
                let (x, g) = (random([rows, dims[0]]), random([rows, dims[1]]));
                let pairs = made_of(&halves, &x, &g).into_iter().zip(made_of(&w, &x, &g));
                pairs.for_each(|(halves, whole)| halves.assert_eq(&whole, true));
            }
        }
    }
}

/// The weight is the integers times their scales, plus the minima of their blocks, in every form of the integers.
#[test]
fn minima_are_added_to_the_weight() {
    for value in [QuantValue::Q8S, QuantValue::Q8F, QuantValue::Q4F] {
        for (block, dims) in [([64, 1], [64, 8]), ([32, 1], [512, 300]), ([9, 1], [27, 513])] {
            let (size, plain) = (usize::from(block[0]), weight(value, block, dims));
            let of_blocks = random([dims[0] / size, dims[1]]);
            let each = of_blocks.clone().reshape([dims[0] / size, 1, dims[1]]).repeat_dim(1, size);
            let floats = plain.clone().dequantize() + each.reshape(dims);
            let bytes = with_minima(plain.clone(), of_blocks.clone()).unwrap();
            for w in [bytes.clone(), with_halves_of_bytes(bytes)] {
                assert_eq!(w.dims(), dims);
                minima(&w).unwrap().into_data().assert_eq(&of_blocks.to_data(), true);
                without_minima(w.clone()).into_data().assert_eq(&plain.to_data(), true);
                with_float_products(w.clone()).into_data().assert_eq(&floats.to_data(), true);
                let fast = with_integer_products(w.clone());
                assert!(has_minima(&fast) && has_integer_products(&fast));
                minima(&fast).unwrap().into_data().assert_eq(&of_blocks.to_data(), true);
                assert_eq!(in_form_of(&fast, w.clone()).dtype(), fast.dtype());
                for rows in [1, 3, 8, 9, 40] {
                    let (x, g) = (random([rows, dims[0]]), random([rows, dims[1]]));
                    let [y, tracked, dx] = made_of(&w, &x, &g);
                    y.assert_eq(&tracked, true);
                    let off = worst(y, &x.to_data(), &floats.to_data());
                    let off_gradient = worst(dx, &g.to_data(), &floats.clone().transpose().to_data());
                    assert!(
                        off < TOLERANCE && off_gradient < TOLERANCE,
                        "{value:?} {dims:?}: {off:e}, {off_gradient:e}"
                    );
                    let off = worst(
                        matmul_quantized(x.clone(), fast.clone()).into_data(),
                        &x.to_data(),
                        &floats.to_data(),
                    );
                    assert_eq!(off > TOLERANCE, rows < 9, "{value:?} {dims:?}, {rows} rows: {off:e}");
                    assert!(off < 0.05, "{value:?} {dims:?}, {rows} rows: {off:e}");
                }
            }
        }
    }
    assert!(minima(&weight(QuantValue::Q8S, [8, 1], [8, 4])).is_none());
    assert!(
        with_minima(Tensor::<2>::ones([8, 2], &Device::flex()), Tensor::ones([1, 2], &Device::flex()))
            .is_none()
    );
}

#[test]
#[should_panic]
fn burn_does_not_read_a_weight_without_its_minima() {
    let minima = Tensor::ones([1, 4], &Device::flex());
    let _ = with_minima(weight(QuantValue::Q8S, [8, 1], [8, 4]), minima).unwrap().dequantize().into_data();
}

#[test]
#[should_panic]
fn burn_does_not_read_two_integers_in_a_byte_as_something_else() {
    let packed = with_integer_products(weight(QuantValue::Q4S, [8, 1], [8, 4]));
    let _ = packed.dequantize().into_data();
}

#[test]
fn integers_and_scales_are_those_of_burn_to_the_bit() {
    for (value, range) in [(QuantValue::Q8S, 127.0), (QuantValue::Q4S, 7.0)] {
        for (block, dims) in [([64, 1], [192, 65]), ([9, 1], [18, 300])] {
            let scheme = QuantScheme::default().with_value(value).with_store(QuantStore::Native);
            let scheme = scheme.per_block(block, ScaleDtype::F32);
            let floats = random(dims);
            // Exact halves too, and a block of zeros.
            let floats = (floats * range).round() / 2.0 / range;
            let floats = floats.slice_fill([0..usize::from(block[0]), 0..1], 0.0);
            let turned = floats.clone().transpose().mul_scalar(1.0).transpose();
            for floats in [floats, turned] {
                let (got, error) = quantize(floats.clone(), &scheme);
                let expected = floats.clone().quantize_dynamic(&scheme);
                assert_eq!(got.dtype(), expected.dtype());
                got.clone().into_data().assert_eq(&expected.into_data(), true);
                let norm = |x: Tensor<2>| x.square().sum().into_scalar::<f32>().sqrt();
                let exact = norm(floats.clone() - got.dequantize()) / norm(floats);
                assert!((error - f64::from(exact)).abs() < 1e-4 * error, "{error} instead of {exact}");
            }
        }
    }
}
