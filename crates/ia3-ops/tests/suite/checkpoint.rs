//! Blocks that run again in the backward pass.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Distribution, Tensor};
use ia3_ops::{checkpoint, dropout, gelu};

#[derive(Module, Debug)]
struct Block {
    first: Linear,
    second: Linear,
}

fn block(device: &Device) -> Block {
    Block { first: LinearConfig::new(6, 12).init(device), second: LinearConfig::new(12, 6).init(device) }
}

impl Block {
    fn forward(&self, x: Tensor<3>, share: Tensor<4>) -> Tensor<3> {
        let h = gelu(self.first.forward(x.clone()));
        x + self.second.forward(h) * share.squeeze_dim::<3>(0)
    }
}

/// The result, and the gradients of `x`, the share and the parameters, in two blocks after each other.
fn results(blocks: &[Block; 2], x: &Tensor<3>, share: &Tensor<4>, again: bool) -> Vec<Vec<f32>> {
    // Detached, so that threads have leaves of their own.
    let (x, share) = (x.clone().detach().require_grad(), share.clone().detach().require_grad());
    // The share is no leaf.
    let doubled = share.clone() * 2.0;
    let y = blocks.iter().fold(x.clone(), |x, block| match again {
        true => checkpoint(block, x, [doubled.clone()], |block, x, [share]| block.forward(x, share)),
        false => block.forward(x, doubled.clone()),
    });
    let grads = (y.clone() * y.clone()).sum().backward();
    let mut all = vec![values(y), values(x.grad(&grads).unwrap()), values(share.grad(&grads).unwrap())];
    for layer in blocks.iter().flat_map(|block| [&block.first, &block.second]) {
        all.extend(layer.weight.grad(&grads).map(values));
        all.extend(layer.bias.as_ref().unwrap().grad(&grads).map(values));
    }
    all
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.into_data().iter().collect()
}

#[test]
fn gradients_have_the_bits_of_a_block_that_keeps_everything() {
    let device = Device::flex().autodiff();
    let x = Tensor::<3>::random([2, 5, 6], Distribution::Default, &device);
    let share = Tensor::<4>::random([1, 1, 1, 6], Distribution::Default, &device);
    let [a, b] = [block(&device), block(&device)];
    let frozen = |block: &Block| Block { first: block.first.clone().no_grad(), ..block.clone() };
    for blocks in
        [[a.clone(), b.clone()], [frozen(&a), b.clone()], [a.clone().no_grad(), b.clone().no_grad()]]
    {
        let (kept, again) = (results(&blocks, &x, &share, false), results(&blocks, &x, &share, true));
        assert_eq!(kept.len(), again.len());
        assert_eq!(kept, again);
    }
}

#[test]
fn threads_may_train_the_same_blocks_at_once() {
    let device = Device::flex().autodiff();
    let x = Tensor::<3>::random([2, 5, 6], Distribution::Default, &device);
    let share = Tensor::<4>::random([1, 1, 1, 6], Distribution::Default, &device);
    let blocks = [block(&device), block(&device)];
    let expected = results(&blocks, &x, &share, false);
    std::thread::scope(|scope| {
        let run = || (0..20).all(|_| results(&blocks, &x, &share, true) == expected);
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    });
}

#[test]
fn both_runs_drop_the_same_elements() {
    let device = Device::flex().autodiff();
    let x = Tensor::<3>::ones([3, 7, 13], &device).require_grad();
    let block = block(&device);
    let y = checkpoint(&block, x.clone(), [], |_, x, []| dropout(dropout(x, 0.3), 0.2));
    let kept = values(y.clone());
    assert!(kept.contains(&0.0) && kept.iter().any(|y| *y > 1.0));
    // The input is 1, so the gradient of the sum is the result.
    let grads = y.sum().backward();
    assert_eq!(values(x.grad(&grads).unwrap()), kept);
}

#[test]
fn a_block_without_anything_trained_is_a_constant() {
    let device = Device::flex().autodiff();
    let x = Tensor::<3>::ones([1, 2, 6], &device);
    let share = Tensor::<4>::ones([1, 1, 1, 6], &device);
    let block = block(&device).no_grad();
    let y = checkpoint(&block, x, [share], |block, x, [share]| block.forward(x, share));
    assert!(!y.is_tracked());
}

#[test]
fn without_autodiff_a_block_runs_once() {
    let device = Device::flex();
    let x = Tensor::<3>::ones([1, 2, 6], &device);
    let block = block(&device);
    let y = checkpoint(&block, x.clone(), [], |block: &Block, x, []| block.first.forward(x));
    assert_eq!(values(y), values(block.first.forward(x)));
}
