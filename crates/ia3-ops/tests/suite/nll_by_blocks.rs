//! Losses by blocks of rows against those of all logits at once.

use burn::tensor::{Device, Int, Tensor};
use ia3_ops::{linear, matmul_transposed, nll, nll_and_classes_by_blocks, nll_by_blocks};

use crate::values::normal;

/// The largest difference of losses of up to about 20, and of their gradients, in float32, which are summed in another order.
const TOLERANCE: f32 = 2e-6;

/// The same of gradients that are sums over 300,000 classes.
const TOLERANCE_OF_MANY: f32 = 2e-5;

fn random<const D: usize>(dims: [usize; D]) -> Tensor<D> {
    normal(dims, 0.5, &Device::flex().autodiff())
}

fn worst<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> f32 {
    assert_eq!(a.dims(), b.dims());
    (a - b).abs().max().into_scalar()
}

/// The largest difference of the losses, and of the gradient of `x` for a weighted sum of the losses.
fn differences(
    x: Tensor<2>,
    targets: Tensor<1, Int>,
    classes: usize,
    logits: &dyn Fn(Tensor<2>) -> Tensor<2>,
) -> [f32; 2] {
    let weights = random([x.dims()[0]]);
    let run = |losses: &dyn Fn(Tensor<2>) -> Tensor<1>| {
        let x = x.clone().require_grad();
        let losses = losses(x.clone());
        let mut grads = (losses.clone() * weights.clone()).sum().backward();
        (losses.inner(), x.grad_remove(&mut grads).unwrap())
    };
    let all = run(&|x| nll(logits(x), targets.clone()));
    let blocks = run(&|x| nll_by_blocks(x, targets.clone(), classes, logits));
    [worst(all.0, blocks.0), worst(all.1, blocks.1)]
}

#[test]
fn several_blocks_have_the_losses_and_the_gradient_of_one() {
    let classes = 300_000;
    let weight = random([4, classes]).set_require_grad(false);
    let x = random([71, 4]);
    let targets: Vec<i64> = (0..71).map(|i| if i % 5 == 3 { -100 } else { i * 4001 }).collect();
    let targets = Tensor::<1, Int>::from_ints(targets.as_slice(), &x.device());
    let [losses, gradient] = differences(x, targets, classes, &|x| linear(x, weight.clone(), None));
    assert!(losses < TOLERANCE && gradient < TOLERANCE_OF_MANY, "{losses:e}, {gradient:e}");
}

#[test]
fn a_transposed_weight_and_a_cap_have_the_same_gradient() {
    let table = random([50, 8]).set_require_grad(false);
    let x = random([9, 8]);
    let capped = |x| (matmul_transposed(x, table.clone()) / 3.0).tanh() * 3.0;
    for ignored in [0, 4, 9] {
        let targets: Vec<i64> = (0..9).map(|i| if i < ignored { -100 } else { 5 * i }).collect();
        let targets = Tensor::<1, Int>::from_ints(targets.as_slice(), &x.device());
        let worst = differences(x.clone(), targets, 50, &capped);
        assert!(worst.iter().all(|worst| *worst < TOLERANCE), "{worst:?}");
    }
}

#[test]
fn without_gradients_the_losses_are_the_same() {
    let (table, x) = (random([50, 8]).inner(), random([9, 8]).inner());
    let targets = Tensor::<1, Int>::from_ints([0, 1, -100, 3, 4, 5, 49, 7, -100], &x.device());
    let logits = |x| matmul_transposed(x, table.clone());
    let all = nll(logits(x.clone()), targets.clone());
    let by_blocks = nll_by_blocks(x.clone(), targets.clone(), 50, logits);
    assert!(worst(all.clone(), by_blocks) < TOLERANCE);
    let (losses, classes) = nll_and_classes_by_blocks(x.clone(), targets.clone(), 50, logits);
    assert!(worst(all, losses) < TOLERANCE);
    let expected = logits(x).argmax(1).squeeze_dim(1).mask_fill(targets.lower_elem(0), 0);
    expected.into_data().assert_eq(&classes.into_data(), true);
}

#[test]
fn several_blocks_have_the_classes_of_one() {
    let (x, weight) = (random([200, 4]).inner(), random([4, 100_000]).inner());
    let targets = Tensor::<1, Int>::arange(0..200, &x.device());
    let logits = |x| linear(x, weight.clone(), None);
    let (losses, classes) = nll_and_classes_by_blocks(x.clone(), targets.clone(), 100_000, logits);
    let all = logits(x);
    all.clone().argmax(1).squeeze_dim::<1>(1).into_data().assert_eq(&classes.into_data(), true);
    assert!(worst(nll(all, targets), losses) < TOLERANCE);
}

#[test]
fn without_targets_all_losses_and_classes_are_zero() {
    let (table, x) = (random([50, 8]).inner(), random([3, 8]).inner());
    let targets = Tensor::<1, Int>::from_ints([-100, -1, -100], &x.device());
    let logits = |x| matmul_transposed(x, table.clone());
    let (losses, classes) = nll_and_classes_by_blocks(x.clone(), targets.clone(), 50, logits);
    losses.into_data().assert_eq(&Tensor::<1>::zeros([3], &x.device()).into_data(), true);
    classes.into_data().assert_eq(&Tensor::<1, Int>::zeros([3], &x.device()).into_data(), true);
    let losses = nll_by_blocks(x.clone(), targets, 50, logits);
    losses.into_data().assert_eq(&Tensor::<1>::zeros([3], &x.device()).into_data(), true);
}
