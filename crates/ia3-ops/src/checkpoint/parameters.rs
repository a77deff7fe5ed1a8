//! The parameters of a block in the graph of the model, and in that of the block.

use burn::backend::autodiff::NodeId;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;

use super::tensors::{Tracked, constant, tracked_of};

/// The node of each float parameter of a block that requires a gradient, in the order of a traversal.
pub(super) type Nodes = Vec<Option<NodeId>>;

/// A parameter of the second run.
pub(super) struct Leaf {
    /// The node of the parameter in the graph of the model.
    pub(super) node: NodeId,
    pub(super) tensor: Tracked,
}

/// The module with parameters that require no gradient, and the nodes of those that required one.
pub(super) fn without_gradients<M: Module>(module: M) -> (M, Nodes) {
    let mut freezer = Freezer::default();
    let module = module.map(&mut freezer);
    (module, freezer.nodes)
}

/// The module with leaves of another graph in the place of the parameters at `nodes`, and these leaves.
pub(super) fn tracked<M: Module>(module: M, nodes: &Nodes) -> (M, Vec<Leaf>) {
    let mut tracker = Tracker { nodes: nodes.iter(), leaves: vec![] };
    let module = module.map(&mut tracker);
    (module, tracker.leaves)
}

#[derive(Default)]
struct Freezer {
    nodes: Nodes,
}

impl ModuleMapper for Freezer {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let value = param.is_require_grad().then(|| param.base());
        let node = value.and_then(tracked_of).map(|value| value.id());
        self.nodes.push(node);
        if node.is_some() { param.map(constant) } else { param }
    }
}

struct Tracker<'a> {
    nodes: std::slice::Iter<'a, Option<NodeId>>,
    leaves: Vec<Leaf>,
}

impl ModuleMapper for Tracker<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(&Some(node)) = self.nodes.next() else { return param };
        param.map(|value| {
            let leaf = value.require_grad();
            self.leaves.extend(tracked_of(leaf.clone()).map(|tensor| Leaf { node, tensor }));
            leaf
        })
    }
}
