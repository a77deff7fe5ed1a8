//! Products of float32 with weights in half precision: the values and gradients of the same weights in float32.

use burn::tensor::{DType, Device, Tensor};
use ia3_ops::{linear, matmul_transposed};

use crate::values::normal;

/// Sums of up to 3000 products in another order, against the largest element.
const TOLERANCE: f32 = 2e-6;

/// `[rows, d_in, d_out]`: one row, few and many; several parts, strips and panels.
const SHAPES: [[usize; 3]; 11] = [
    [1, 1, 1],
    [1, 700, 300],
    [1, 1050, 4001],
    [3, 9, 1030],
    [8, 64, 64],
    [9, 130, 65],
    [23, 513, 129],
    [70, 96, 200],
    [31, 3000, 17],
    [33, 1100, 300],
    [600, 40, 256],
];

fn random<const D: usize>(dims: [usize; D]) -> Tensor<D> {
    normal(dims, 1.0, &Device::flex().autodiff())
}

fn worst<const D: usize>(got: Tensor<D>, expected: Tensor<D>) -> f32 {
    assert_eq!((got.dims(), got.dtype()), (expected.dims(), expected.dtype()));
    let values = |x: Tensor<D>| -> Vec<f32> { x.cast(DType::F32).into_data().iter().collect() };
    let (got, expected) = (values(got), values(expected));
    let most = expected.iter().fold(0.5f32, |most, x| most.max(x.abs()));
    got.iter().zip(expected).map(|(g, e)| (g - e).abs() / most).fold(0.0, f32::max)
}

type Product = fn(Tensor<2>, Tensor<2>) -> Tensor<2>;

/// The product, and the gradients of `x` and, if it is wanted, of the weight.
fn run(
    product: Product,
    x: Tensor<2>,
    w: Tensor<2>,
    trained: bool,
) -> (Tensor<2>, Tensor<2>, Option<Tensor<2>>) {
    let x = x.detach().require_grad();
    let w = if trained { w.detach().require_grad() } else { w };
    let y = product(x.clone(), w.clone());
    let direction = Tensor::ones_like(&y).cumsum(0).cumsum(1).sin();
    let grads = (y.clone() * direction).sum().backward();
    (y, x.grad(&grads).unwrap(), w.grad(&grads))
}

#[test]
fn products_and_gradients_are_those_of_the_same_weights_in_float32() {
    let plain: Product = |x, w| linear(x, w, None);
    let transposed: Product = |x, w| matmul_transposed(x, w);
    let part: Product = |x, w| {
        let [rows, columns] = w.dims();
        linear(x, w.slice([0..rows, 1..columns - 1]), None)
    };
    for dtype in [DType::BF16, DType::F16] {
        for [rows, d_in, d_out] in SHAPES {
            let of = [(plain, [d_in, d_out]), (transposed, [d_out, d_in]), (part, [d_in, d_out + 2])];
            for ((product, dims), trained) in of.into_iter().flat_map(|of| [(of, false), (of, true)]) {
                let name = format!("{dtype:?} {rows} x {d_in} x {d_out}, {dims:?}, trained: {trained}");
                let (x, half) = (random([rows, d_in]), random(dims).cast(dtype));
                let got = run(product, x.clone(), half.clone(), trained);
                let expected = run(product, x, half.cast(DType::F32), trained);
                assert!(worst(got.0, expected.0) < TOLERANCE, "{name}");
                assert!(worst(got.1, expected.1) < TOLERANCE, "{name}: gradient of x");
                assert_eq!(got.2.is_some(), trained, "{name}");
                if let (Some(got), Some(expected)) = (got.2, expected.2) {
                    // The gradient of a weight in half precision is rounded to it.
                    assert_eq!(got.dtype(), dtype);
                    assert!(worst(got.cast(DType::F32), expected) < 8e-3, "{name}: gradient of w");
                }
            }
        }
    }
}

#[test]
fn few_rows_give_the_bits_of_float32() {
    for dtype in [DType::BF16, DType::F16] {
        for [rows, d_in, d_out] in SHAPES.into_iter().filter(|dims| dims[0] <= 8) {
            let (x, half) = (random([rows, d_in]), random([d_in, d_out]).cast(dtype));
            let wide = half.clone().cast(DType::F32);
            let data = |y: Tensor<2>| y.into_data();
            assert_eq!(
                data(linear(x.clone(), half.clone(), None)),
                data(linear(x.clone(), wide.clone(), None))
            );
            let head = random([d_out, d_in]).cast(dtype);
            let [got, expected] =
                [head.clone(), head.cast(DType::F32)].map(|w| data(matmul_transposed(x.clone(), w)));
            assert_eq!(got, expected, "{dtype:?} {rows} x {d_in} x {d_out}");
        }
    }
}

#[test]
fn a_bias_in_half_precision_is_widened() {
    let (x, w) = (random([3, 5]), random([5, 4]).cast(DType::BF16));
    let b = random([4]).cast(DType::BF16);
    let y = linear(x.clone(), w.clone(), Some(b.clone()));
    let expected = linear(x, w, None) + b.cast(DType::F32).unsqueeze();
    assert_eq!(y.into_data(), expected.into_data());
}

/// All in bfloat16: the float32 result of the same numbers, rounded, up to one unit in the last place where the order of the sums
/// decides.
#[test]
fn products_of_bfloat16_are_those_of_float32_rounded() {
    const UNIT: f32 = 1.0 / 128.0;
    for [rows, d_in, d_out] in SHAPES {
        let [x, w] = [[rows, d_in], [d_in, d_out]].map(|dims| random(dims).cast(DType::BF16));
        let b = random([d_out]).cast(DType::BF16);
        let of = |dtype: DType| {
            let [x, w] = [&x, &w].map(|x| x.clone().cast(dtype));
            let (x, b) = (x.detach().require_grad(), b.clone().cast(dtype).detach().require_grad());
            let y = linear(x.clone(), w, Some(b.clone()));
            assert_eq!(y.dtype(), dtype);
            let grads = y.clone().sum().backward();
            (y, x.grad(&grads).unwrap(), b.grad(&grads).unwrap())
        };
        let (got, expected) = (of(DType::BF16), of(DType::F32));
        let name = format!("{rows} x {d_in} x {d_out}");
        let wide = |x: Tensor<2>| x.cast(DType::F32);
        assert!(worst(wide(got.0), expected.0) < UNIT, "{name}");
        assert!(worst(wide(got.1), expected.1) < UNIT, "{name}: gradient of x");
        let (got, expected) = (got.2.cast(DType::F32).into_data(), expected.2.into_data());
        got.assert_approx_eq::<f32>(&expected, burn::tensor::Tolerance::relative(UNIT));
    }
}

#[test]
fn half_precision_states_keep_their_dtype() {
    let (x, w) = (random([3, 5]).cast(DType::BF16), random([5, 4]).cast(DType::BF16));
    assert_eq!(linear(x, w, None).dtype(), DType::BF16);
}
