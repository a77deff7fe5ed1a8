//! Products, scaling and norms, with the gradients of all their inputs, against float64.

use burn::module::Module as _;
use burn::nn::{LayerNormConfig, RmsNormConfig};
use burn::tensor::{DType, Device, Tensor};
use ia3_ops::{layer_norm, linear, matmul_transposed, rms_norm, scale};

use crate::values::normal;

/// Of sums of up to 3000 products, against the largest element or 0.5.
const TOLERANCE: f64 = 2e-6;

fn random<const D: usize>(dims: [usize; D]) -> Tensor<D> {
    normal(dims, 1.0, &Device::flex().autodiff()).require_grad()
}

fn wide<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    Tensor::from_data(x.to_data(), (&x.device(), DType::F64)).require_grad()
}

fn off<const D: usize>(got: Tensor<D>, expected: Tensor<D>) -> f64 {
    assert_eq!(got.dims(), expected.dims());
    let values = |x: Tensor<D>| -> Vec<f64> { x.into_data().iter().collect() };
    let (got, expected) = (values(got), values(expected));
    assert!(got.iter().chain(&expected).all(|x| x.is_finite()));
    let most = expected.iter().fold(0.5, |most: f64, x| most.max(x.abs()));
    got.iter().zip(expected).map(|(g, e)| (g - e).abs() / most).fold(0.0, f64::max)
}

/// Compares `f` of float32 with `exact` of float64, and the gradients of a matrix and two vectors.
fn agree<const D: usize, const E: usize>(
    name: &str,
    (x, w, b): (Tensor<D>, Tensor<E>, Tensor<1>),
    f: impl Fn(Tensor<D>, Tensor<E>, Tensor<1>) -> Tensor<D>,
    exact: impl Fn(Tensor<D>, Tensor<E>, Tensor<1>) -> Tensor<D>,
) {
    let (wx, ww, wb) = (wide(&x), wide(&w), wide(&b));
    let got = f(x.clone(), w.clone(), b.clone());
    let expected = exact(wx.clone(), ww.clone(), wb.clone());
    let direction = random(got.dims()).detach();
    let worst = off(got.clone(), expected.clone());
    assert!(worst < TOLERANCE, "{name}: off by {worst:e}");
    let grads = (got * direction.clone()).sum().backward();
    let exact = (expected * direction.cast(DType::F64)).sum().backward();
    let worst = [
        off(x.grad(&grads).unwrap(), wx.grad(&exact).unwrap()),
        off(w.grad(&grads).unwrap(), ww.grad(&exact).unwrap()),
        b.grad(&grads).map_or(0.0, |b| off(b, wb.grad(&exact).unwrap())),
    ];
    assert!(worst.iter().all(|w| *w < TOLERANCE), "{name}: gradients off by {worst:?}");
}

/// `[rows, d_in, d_out]`: few rows and many; panels, tiles and squares that are full and that are not; more than one panel deep; one
/// row of a matrix that all threads read.
const SHAPES: [[usize; 3]; 13] = [
    [1, 1, 1],
    [1, 700, 300],
    [1, 1050, 4001],
    [3, 9, 1030],
    [8, 64, 64],
    [9, 130, 65],
    [16, 40, 5],
    [17, 20, 9],
    [23, 513, 129],
    [65, 16, 16],
    [96, 64, 192],
    [200, 1100, 70],
    [31, 3000, 17],
];

#[test]
fn products_are_those_of_float64() {
    for [rows, d_in, d_out] in SHAPES {
        let name = format!("{rows} x {d_in} x {d_out}");
        let inputs = |w: [usize; 2]| (random([rows, d_in]), random(w), random([d_out]));
        let exact = |x: Tensor<2>, w: Tensor<2>, b: Tensor<1>| x.matmul(w) + b.unsqueeze();
        agree(&name, inputs([d_in, d_out]), |x, w, b| linear(x, w, Some(b)), exact);
        let transposed = |x: Tensor<2>, w: Tensor<2>, b: Tensor<1>| matmul_transposed(x, w) + b.unsqueeze();
        agree(&name, inputs([d_out, d_in]), transposed, |x, w, b| exact(x, w.transpose(), b));
        // A view that is neither.
        let part = |x: Tensor<2>, w: Tensor<2>, b| linear(x, w.slice([0..d_in, 1..d_out + 1]), Some(b));
        let exact = |x: Tensor<2>, w: Tensor<2>, b| exact(x, w.slice([0..d_in, 1..d_out + 1]), b);
        agree(&name, inputs([d_in, d_out + 2]), part, exact);
    }
}

#[test]
fn a_product_keeps_to_its_input_and_to_what_is_asked_for() {
    let device = Device::flex().autodiff();
    let frozen = |dims: [usize; 2]| normal(dims, 1.0, &device);
    let (x, w) = (frozen([40, 24]), frozen([24, 48]));
    let before = (x.to_data(), w.to_data());
    let y = linear(x.clone().require_grad(), w.clone(), None);
    let grads = y.sum().backward();
    assert!(w.grad(&grads).is_none());
    assert_eq!((x.to_data(), w.to_data()), before);
    for dims in [[0, 3, 2], [2, 0, 3], [2, 3, 0]] {
        let y = linear(frozen([dims[0], dims[1]]), frozen([dims[1], dims[2]]), None);
        assert_eq!(y.dims(), [dims[0], dims[2]]);
        assert!(y.into_data().iter::<f32>().all(|y| y == 0.0));
    }
}

#[test]
fn nan_and_infinity_reach_every_result_they_belong_to() {
    for [rows, d_in, d_out] in SHAPES {
        let ones = |dims| Tensor::<2>::ones(dims, &Device::flex());
        let x = ones([rows, d_in]).slice_fill([0..1, d_in - 1..d_in], f32::NAN);
        for y in [linear(x.clone(), ones([d_in, d_out]), None), matmul_transposed(x, ones([d_out, d_in]))] {
            let y: Vec<f32> = y.into_data().iter().collect();
            assert!(
                y.iter().enumerate().all(|(i, y)| y.is_nan() == (i < d_out)),
                "{rows} x {d_in} x {d_out}"
            );
        }
    }
}

#[test]
fn scaling_is_that_of_float64() {
    for (x, l) in [
        ([3, 5, 7], [1, 1, 7]),
        ([3, 5, 7], [3, 1, 7]),
        ([2, 90, 700], [2, 1, 700]),
        ([1, 300, 129], [1, 1, 129]),
        // Not along the last axis.
        ([3, 5, 7], [3, 5, 1]),
        ([3, 5, 7], [1, 5, 7]),
    ] {
        // A bias by column: the sum of all elements would measure burn's summation, not the scaling.
        let inputs = (random(x), random(l), random([x[2]]));
        agree(
            &format!("{x:?} by {l:?}"),
            inputs,
            |x, l, b| scale(x, l) + b.unsqueeze(),
            |x, l, b| x * l + b.unsqueeze(),
        );
    }
}

#[test]
fn a_matrix_is_scaled_along_each_axis_as_it_lies_in_memory() {
    for (dims, is_view) in [([3, 5], false), ([3, 5], true), ([300, 129], false), ([129, 700], true)] {
        let lying = |x: Tensor<2>| if is_view { x.transpose() } else { x };
        let stored = if is_view { [dims[1], dims[0]] } else { dims };
        for l in [[1, dims[1]], [dims[0], 1]] {
            let inputs = (random(stored), random(l), random([stored[1]]));
            agree(
                &format!("{dims:?} by {l:?}, a view: {is_view}"),
                inputs,
                |x, l, b| lying(scale(lying(x), l)) + b.unsqueeze(),
                |x, l, b| lying(lying(x) * l) + b.unsqueeze(),
            );
        }
        let held = lying(random(stored).detach());
        let before = held.to_data();
        scale(held.clone(), Tensor::full([dims[0], 1], 2.0, &held.device()));
        held.into_data().assert_eq(&before, true);
    }
}

#[test]
fn scaling_leaves_what_others_hold_alone() {
    let device = Device::flex();
    let (x, l) = (Tensor::<2>::ones([40, 600], &device), Tensor::<2>::full([1, 600], 2.0, &device));
    let held = x.clone();
    assert!(scale(x, l).into_data().iter::<f32>().all(|y| y == 2.0));
    assert!(held.into_data().iter::<f32>().all(|x| x == 1.0));
}

#[test]
fn norms_are_those_of_float64() {
    for dims in [[1, 1, 3], [2, 5, 33], [3, 50, 384], [1, 2, 4096]] {
        let epsilon = 1e-5;
        let inputs = || {
            // Far from zero, where the mean square and the variance differ, and neighbours far apart: were all of a row nearly
            // equal by chance, their differences would be rounding alone.
            let device = Device::flex().autodiff();
            let noise = normal(dims, 0.5, &device).clamp(-1.0, 1.0) + 2.0;
            let apart = Tensor::arange(0..dims[2] as i64, &device).remainder_scalar(2).float() * 4.0;
            let x = noise + apart.unsqueeze();
            (x.detach().require_grad(), random([dims[2]]), random([dims[2]]))
        };
        let rms = |x: Tensor<3>, gamma: Tensor<1>| {
            x.clone() / (x.square().mean_dim(2) + epsilon).sqrt() * gamma.unsqueeze()
        };
        let name = format!("{dims:?}");
        agree(
            &name,
            inputs(),
            |x, g, b| rms_norm(x, g, epsilon) + b.unsqueeze(),
            |x, g, b| rms(x, g) + b.unsqueeze(),
        );
        let layer = |x: Tensor<3>, gamma: Tensor<1>, beta: Tensor<1>| {
            let x = x.clone() - x.mean_dim(2);
            x.clone() / (x.square().mean_dim(2) + epsilon).sqrt() * gamma.unsqueeze() + beta.unsqueeze()
        };
        agree(&name, inputs(), |x, g, b| layer_norm(x, g, Some(b), epsilon), layer);
    }
}

#[test]
fn norms_are_those_of_burns_modules() {
    let device = Device::flex();
    let x = normal([2, 7, 48], 3.0, &device) + 1.0;
    let rms = RmsNormConfig::new(48).with_epsilon(1e-3).init(&device);
    assert!(off(rms_norm(x.clone(), rms.gamma.val(), rms.epsilon), rms.forward(x.clone())) < 1e-6);
    let layer = LayerNormConfig::new(48).with_epsilon(1e-3).init(&device).no_grad();
    let beta = layer.beta.as_ref().map(|beta| beta.val());
    assert!(off(layer_norm(x.clone(), layer.gamma.val(), beta, 1e-3), layer.forward(x)) < 1e-6);
}

#[test]
#[should_panic(expected = "a norm of 4 features got 3")]
fn a_norm_has_to_fit() {
    let device = Device::flex();
    rms_norm(Tensor::<2>::ones([2, 3], &device), Tensor::ones([4], &device), 1e-6);
}

#[test]
#[should_panic(expected = "a weight of 4 inputs got 3")]
fn a_product_has_to_fit() {
    let ones = |dims| Tensor::<2>::ones(dims, &Device::flex());
    linear(ones([2, 3]), ones([4, 2]), None);
}
