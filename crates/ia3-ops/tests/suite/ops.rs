//! Every operation against the same formula in float64, composed of burn's operations and differentiated by burn.
//!
//! Tolerances are for float32 sums of a few hundred terms; each is stated beside its test.

use burn::tensor::{DType, Device, Int, Tensor, activation};
use ia3_ops::{attention, attention_with, gelu, gelu_tanh, matmul_transposed, nll, silu, softmax_last};
use proptest::prelude::*;

use crate::values::normal;

fn device() -> Device {
    Device::flex().autodiff()
}

fn random<const D: usize>(dims: [usize; D]) -> Tensor<D> {
    normal(dims, 1.0, &device())
}

fn in_f64<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    Tensor::from_data(x.clone().into_data(), (&device(), DType::F64)).require_grad()
}

/// The largest difference of two tensors, against the largest element or 0.5: where terms of about 1 cancel, float32 leaves
/// an error of their size and not of the result's.
fn difference<const D: usize>(got: Tensor<D>, expected: Tensor<D>) -> f64 {
    assert_eq!(got.dims(), expected.dims());
    let (got, expected): (Vec<f64>, Vec<f64>) =
        (got.into_data().iter().collect(), expected.into_data().iter().collect());
    assert!(expected.iter().chain(&got).all(|x| x.is_finite()));
    let most = expected.iter().fold(0.5, |most: f64, x| most.max(x.abs()));
    got.iter().zip(&expected).map(|(g, e)| (g - e).abs() / most).fold(0.0, f64::max)
}

/// Compares result and gradient, a random direction standing for what follows.
fn agree<const D: usize, const E: usize>(
    x: Tensor<D>,
    f: impl Fn(Tensor<D>) -> Tensor<E>,
    exact: impl Fn(Tensor<D>) -> Tensor<E>,
    tolerance: f64,
) {
    let wide = in_f64(&x);
    let x = x.detach().require_grad();
    let (got, expected) = (f(x.clone()), exact(wide.clone()));
    let direction = random(got.dims());
    let worst = difference(got.clone(), expected.clone());
    assert!(worst < tolerance, "result off by {worst:e}");
    let gradients = (got * direction.clone()).sum().backward();
    let exact = (expected * direction.cast(DType::F64)).sum().backward();
    let worst = difference(x.grad(&gradients).unwrap(), wide.grad(&exact).unwrap());
    assert!(worst < tolerance, "gradient off by {worst:e}");
}

/// burn's own backward of gelu is the derivative of the tanh approximation, so the formula stands here.
fn gelu_composed<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.clone() * ((x / 2f64.sqrt()).erf() + 1.0) * 0.5
}

#[test]
fn activations_and_their_gradients_are_exact_to_1e_6() {
    // One element, an odd number, and more than one task takes.
    for n in [1, 37, 50_000] {
        agree(random([n]), gelu, gelu_composed, 1e-6);
        agree(random([n]), gelu_tanh, activation::gelu_approximate, 1e-6);
        agree(random([n]), silu, activation::silu, 1e-6);
    }
}

#[test]
fn an_activation_leaves_what_others_hold_alone_and_reads_views() {
    let x = random([6, 50]);
    let before = x.clone().into_data();
    let through_view = gelu(x.clone().transpose()).transpose();
    assert_eq!(x.clone().into_data(), before);
    assert_eq!(gelu(x.clone()).into_data(), through_view.into_data());
    let part = x.clone().slice([1..3, 7..40]);
    assert_eq!(silu(part).into_data(), silu(x).slice([1..3, 7..40]).into_data());
}

#[test]
fn softmax_and_its_gradient_are_exact_to_1e_6() {
    for dims in [[3, 1], [1, 7], [5, 64], [40, 1000]] {
        agree(random(dims), softmax_last, |x| activation::softmax(x, 1), 1e-6);
    }
}

#[test]
fn masked_scores_have_no_weight() {
    for mask in [f32::NEG_INFINITY, f32::MIN, f32::MIN / 2.0] {
        let x = Tensor::<2>::from_floats([[1.0, mask, 2.0], [mask, mask, 0.5]], &device());
        let y: Vec<f32> = softmax_last(x).into_data().iter().collect();
        let e = (-1f32).exp();
        let expected = [e / (1.0 + e), 0.0, 1.0 / (1.0 + e), 0.0, 0.0, 1.0];
        y.iter().zip(expected).for_each(|(y, e)| assert!((y - e).abs() < 1e-7, "{y} {e}"));
    }
    let nothing = Tensor::<2>::full([1, 5], f32::MIN, &device());
    assert!(softmax_last(nothing).into_data().iter::<f32>().all(|w| w == 0.2));
    let nan = Tensor::<2>::full([1, 5], f32::NEG_INFINITY, &device());
    assert!(softmax_last(nan).into_data().iter::<f32>().all(f32::is_nan));
}

#[test]
fn losses_and_their_gradient_are_exact_to_1e_6() {
    let targets = Tensor::<1, Int>::from_ints([4, -100, 0, 999, 1], &device());
    let exact = |x: Tensor<2>| nll(x, targets.clone()); // In float64 it is composed.
    agree(random([5, 1000]), |x| nll(x, targets.clone()), exact, 1e-6);
    let single = nll(Tensor::<2>::from_floats([[1.0, 3.0]], &device()), Tensor::from_ints([1], &device()));
    assert!((single.into_scalar::<f32>() - (1.0 + (-2f32).exp()).ln()).abs() < 1e-7);
}

#[test]
#[should_panic(expected = "targets below the 3 classes")]
fn a_target_that_is_no_class_is_refused() {
    nll(random([1, 3]), Tensor::from_ints([3], &device()));
}

#[test]
fn few_rows_times_a_transposed_matrix_are_exact_to_1e_6() {
    for (rows, n, d) in [(1, 5, 3), (2, 300, 700), (7, 1000, 33), (16, 40, 512), (17, 9, 20)] {
        let random = |dims: [usize; 2]| normal(dims, 1.0, &Device::flex());
        let (x, w) = (random([rows, d]), random([n, d]));
        let expected = x.clone().cast(DType::F64).matmul(w.clone().cast(DType::F64).transpose());
        let worst = difference(matmul_transposed(x, w), expected);
        assert!(worst < 1e-6, "off by {worst:e} for {rows} rows");
    }
}

/// Sizes of an attention.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    batch: usize,
    groups: usize,
    kv_heads: usize,
    queries: usize,
    keys: usize,
    d: usize,
}

/// Compares result and the gradients of queries, keys and values with float64.
fn attentions_agree(s: Sizes, bias: Tensor<4>, tolerance: f64) {
    let scale = (s.d as f64).powf(-0.5);
    // As models hold them: heads beside each other.
    let x = |rows, heads| random([s.batch, rows, heads, s.d]).require_grad();
    let inputs = [x(s.queries, s.groups * s.kv_heads), x(s.keys, s.kv_heads), x(s.keys, s.kv_heads)];
    let wide = inputs.each_ref().map(in_f64);
    let [q, k, v] = inputs.clone().map(|x| x.swap_dims(1, 2));
    let got = attention(q, k, v, Some(bias.clone()), scale);
    let [q, k, v] = wide.clone().map(|x| x.swap_dims(1, 2));
    let expected = attention_with(q, k, v, Some(bias.cast(DType::F64)), scale, |w| w);
    let direction = random(got.dims());
    let worst = difference(got.clone(), expected.clone());
    assert!(worst < tolerance, "result off by {worst:e} for {s:?}");
    let gradients = (got * direction.clone()).sum().backward();
    let exact = (expected * direction.cast(DType::F64)).sum().backward();
    for (name, (x, wide)) in ["q", "k", "v"].iter().zip(inputs.iter().zip(&wide)) {
        let worst = difference(x.grad(&gradients).unwrap(), wide.grad(&exact).unwrap());
        assert!(worst < tolerance, "gradient of {name} off by {worst:e} for {s:?}");
    }
}

/// Later keys are blocked.
fn causal(queries: usize, keys: usize) -> Tensor<4> {
    let blocked = |i: usize| if i % keys > i / keys + keys - queries { f32::MIN / 2.0 } else { 0.0 };
    let bias: Vec<f32> = (0..queries * keys).map(blocked).collect();
    Tensor::<1>::from_floats(bias.as_slice(), &device()).reshape([1, 1, queries, keys])
}

#[test]
fn attention_and_its_gradients_are_exact_to_1e_5() {
    let s = Sizes { batch: 2, groups: 1, kv_heads: 3, queries: 5, keys: 7, d: 4 };
    attentions_agree(s, random([1, 3, 5, 7]), 1e-5);
    attentions_agree(s, random([2, 1, 1, 7]), 1e-5);
    attentions_agree(s, random([2, 3, 5, 7]), 1e-5);
    attentions_agree(Sizes { groups: 2, ..s }, random([1, 6, 5, 7]), 1e-5);
    attentions_agree(Sizes { groups: 4, kv_heads: 1, queries: 1, ..s }, random([2, 4, 1, 7]), 1e-5);
    attentions_agree(Sizes { groups: 2, kv_heads: 2, queries: 1, ..s }, random([1, 1, 1, 7]), 1e-5);
    attentions_agree(Sizes { keys: 5, ..s }, causal(5, 5), 1e-5);
    // Several blocks of queries, of which the last is short.
    attentions_agree(Sizes { batch: 1, queries: 70, keys: 3000, d: 8, ..s }, random([1, 1, 70, 3000]), 1e-5);
}

#[test]
fn without_a_bias_nothing_is_added() {
    let x = || random([1, 2, 4, 8]);
    let (q, k, v) = (x(), x(), x());
    let zero = Tensor::zeros([1, 1, 1, 4], &device());
    let with = attention(q.clone(), k.clone(), v.clone(), Some(zero), 0.5);
    assert_eq!(attention(q, k, v, None, 0.5).into_data(), with.into_data());
}

#[test]
fn a_trained_bias_gets_its_gradient() {
    let x = || random([2, 2, 4, 8]);
    let (q, k, v) = (x(), x(), x());
    agree(
        random([1, 2, 4, 4]),
        |bias| attention(q.clone(), k.clone(), v.clone(), Some(bias), 0.5),
        |bias| {
            let [q, k, v] = [&q, &k, &v].map(|x| x.clone().cast(DType::F64));
            attention_with(q, k, v, Some(bias), 0.5, |w| w)
        },
        1e-5,
    );
}

#[test]
fn a_query_that_sees_nothing_is_even_and_so_is_its_gradient() {
    let s = Sizes { batch: 1, groups: 1, kv_heads: 1, queries: 2, keys: 4, d: 3 };
    attentions_agree(s, Tensor::full([1, 1, 2, 4], f32::MIN / 2.0, &device()).mul_scalar(1.0), 1e-5);
}

#[test]
fn other_dtypes_are_composed() {
    let x = random([1, 1, 3, 4]).cast(DType::BF16);
    let y = attention(x.clone(), x.clone(), x.clone(), None, 1.0);
    assert_eq!((y.dtype(), y.dims()), (DType::BF16, [1, 1, 3, 4]));
    assert_eq!(gelu_tanh(x).dtype(), DType::BF16);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn attention_of_any_shape_is_exact_to_1e_5(
        (batch, groups, kv_heads, queries, keys, d) in (1..3usize, 1..4usize, 1..3usize, 1..40usize, 1..70usize, 1..20usize),
        by_row: bool, by_head: bool,
    ) {
        let s = Sizes { batch, groups, kv_heads, queries, keys, d };
        let dims = [if by_row { batch } else { 1 }, if by_head { groups * kv_heads } else { 1 }, queries, keys];
        attentions_agree(s, random(dims), 1e-5);
    }
}
