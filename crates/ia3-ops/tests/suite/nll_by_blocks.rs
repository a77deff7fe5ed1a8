//! Losses by blocks of rows against those of all logits at once.

use burn::tensor::{Device, Distribution, Int, Tensor};
use ia3_ops::{linear, matmul_transposed, nll, nll_by_blocks};

/// The largest difference of losses of up to about 20, and of their gradients, in float32, which are summed in another order. The
/// values are random in every run.
const TOLERANCE: f32 = 2e-5;

fn random<const D: usize>(dims: [usize; D]) -> Tensor<D> {
    Tensor::random(dims, Distribution::Normal(0.0, 0.5), &Device::flex().autodiff())
}

fn worst<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> f32 {
    assert_eq!(a.dims(), b.dims());
    (a - b).abs().max().into_scalar()
}

/// Compares losses and the gradient of `x` for a weighted sum of the losses.
fn agree(x: Tensor<2>, targets: Tensor<1, Int>, classes: usize, logits: &dyn Fn(Tensor<2>) -> Tensor<2>) {
    let weights = random([x.dims()[0]]);
    let run = |losses: &dyn Fn(Tensor<2>) -> Tensor<1>| {
        let x = x.clone().require_grad();
        let losses = losses(x.clone());
        let mut grads = (losses.clone() * weights.clone()).sum().backward();
        (losses.inner(), x.grad_remove(&mut grads).unwrap())
    };
    let all = run(&|x| nll(logits(x), targets.clone()));
    let blocks = run(&|x| nll_by_blocks(x, targets.clone(), classes, logits));
    let worst = [worst(all.0, blocks.0), worst(all.1, blocks.1)];
    assert!(worst.iter().all(|worst| *worst < TOLERANCE), "{worst:?}");
}

#[test]
fn several_blocks_have_the_losses_and_the_gradient_of_one() {
    let classes = 300_000;
    let weight = random([4, classes]).set_require_grad(false);
    let x = random([71, 4]);
    let targets: Vec<i64> = (0..71).map(|i| if i % 5 == 3 { -100 } else { i * 4001 }).collect();
    let targets = Tensor::<1, Int>::from_ints(targets.as_slice(), &x.device());
    agree(x, targets, classes, &|x| linear(x, weight.clone(), None));
}

#[test]
fn a_transposed_weight_and_a_cap_have_the_same_gradient() {
    let table = random([50, 8]).set_require_grad(false);
    let x = random([9, 8]);
    let capped = |x| (matmul_transposed(x, table.clone()) / 3.0).tanh() * 3.0;
    for ignored in [0, 4, 9] {
        let targets: Vec<i64> = (0..9).map(|i| if i < ignored { -100 } else { 5 * i }).collect();
        agree(x.clone(), Tensor::<1, Int>::from_ints(targets.as_slice(), &x.device()), 50, &capped);
    }
}

#[test]
fn without_gradients_the_losses_are_the_same() {
    let (table, x) = (random([50, 8]).inner(), random([9, 8]).inner());
    let targets = Tensor::<1, Int>::from_ints([0, 1, -100, 3, 4, 5, 49, 7, -100], &x.device());
    let logits = |x| matmul_transposed(x, table.clone());
    let all = nll(logits(x.clone()), targets.clone());
    assert!(worst(all, nll_by_blocks(x, targets, 50, logits)) < TOLERANCE);
}
