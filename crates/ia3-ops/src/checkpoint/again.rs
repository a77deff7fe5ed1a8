//! The two runs of a block.

use std::array::from_fn;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use burn::backend::Dispatch;
use burn::module::Module;
use burn::tensor::Tensor;

use super::parameters::{Leaf, Nodes, tracked, without_gradients};
use super::tensors::{backward, constant, gradient};
use crate::by_row::{by_row, is_by_row};
use crate::dropout::{Masks, noting, with_masks};
use crate::flex::tensor::Primitive;
use crate::flex::{Again, BLOCK_INPUTS, BlockGradients, FastOps, RunAgain};

/// See [`super::checkpoint`].
pub(super) fn checkpoint<M: Module + 'static, const N: usize>(
    block: &M,
    x: Tensor<3>,
    others: [Tensor<4>; N],
    run: impl Fn(&M, Tensor<3>, [Tensor<4>; N]) -> Tensor<3> + Send + 'static,
) -> Tensor<3> {
    assert!(N < BLOCK_INPUTS, "a block reads at most {} other tensors, found {N}", BLOCK_INPUTS - 1);
    let wanted = (x.is_tracked(), others.each_ref().map(Tensor::is_tracked));
    let inputs = (constant(x.clone()), others.clone().map(constant));
    let device = x.device();
    let (module, nodes) = without_gradients(block.clone());
    let (y, masks) = noting(|| run(&module, inputs.0.clone(), inputs.1.clone()));
    let y = y.into_dispatch();
    let mut parents = [x.into_dispatch()].into_iter().chain(others.map(Tensor::into_dispatch));
    let [first, second, third, fourth]: [_; BLOCK_INPUTS] =
        from_fn(|_| parents.next().unwrap_or_else(|| y.clone()));
    // It stands for the parameters, so that the graphs of threads that use the same ones stay apart.
    let trained = nodes.iter().any(Option::is_some);
    let leaf = Tensor::<1>::zeros([1], &device).set_require_grad(trained).into_dispatch();
    let block = Block { module, nodes, inputs, wanted, masks, by_row: is_by_row(), run };
    let again: Again = Arc::new(Locked(Mutex::new(block)));
    Tensor::from_dispatch(Dispatch::fast_checkpoint(y, first, second, third, fourth, leaf, again))
}

/// A block, and all that its second run needs.
struct Block<M, F, const N: usize> {
    /// The block with parameters that require no gradient.
    module: M,
    nodes: Nodes,
    inputs: (Tensor<3>, [Tensor<4>; N]),
    /// Which inputs want a gradient.
    wanted: (bool, [bool; N]),
    masks: Masks,
    by_row: bool,
    run: F,
}

impl<M: Module, F, const N: usize> Block<M, F, N>
where
    F: Fn(&M, Tensor<3>, [Tensor<4>; N]) -> Tensor<3>,
{
    fn gradients(&self, g: Primitive) -> BlockGradients {
        let (module, leaves) = tracked(self.module.clone(), &self.nodes);
        let x = self.inputs.0.clone().set_require_grad(self.wanted.0);
        let others = from_fn(|i| self.inputs.1[i].clone().set_require_grad(self.wanted.1[i]));
        let y = self.again(&module, x.clone(), others.clone());
        let mut inputs = [const { None }; BLOCK_INPUTS];
        let Some(mut grads) = backward(y, g) else { return BlockGradients { inputs, parameters: vec![] } };
        inputs[0] = self.wanted.0.then(|| gradient(&x, &mut grads)).flatten();
        for (i, other) in others.into_iter().enumerate() {
            inputs[i + 1] = self.wanted.1[i].then(|| gradient(&other, &mut grads)).flatten();
        }
        let of_leaf = |leaf: Leaf| Some((leaf.node, leaf.tensor.grad_remove(&mut grads)?));
        BlockGradients { inputs, parameters: leaves.into_iter().filter_map(of_leaf).collect() }
    }

    fn again(&self, module: &M, x: Tensor<3>, others: [Tensor<4>; N]) -> Tensor<3> {
        let run = || with_masks(self.masks.clone(), || (self.run)(module, x, others));
        if self.by_row { by_row(run) } else { run() }
    }
}

/// A block that only one thread runs at a time.
struct Locked<T>(Mutex<T>);

impl<T> fmt::Debug for Locked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").finish_non_exhaustive()
    }
}

impl<M: Module, F, const N: usize> RunAgain for Locked<Block<M, F, N>>
where
    F: Fn(&M, Tensor<3>, [Tensor<4>; N]) -> Tensor<3> + Send,
{
    fn gradients(&self, g: Primitive) -> BlockGradients {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).gradients(g)
    }
}
