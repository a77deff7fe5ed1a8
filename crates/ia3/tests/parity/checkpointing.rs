//! Losses, gradients and trained values have the bits of a training that keeps all activations, if each block is computed again.

use burn::module::Module;
use ia3::models::{Model, with_gradient_checkpointing};
use ia3::train::OptimizerConfig;

use crate::case::Case;
use crate::compare::Comparison;
use crate::training::{as_file, backward, gradients_of};

/// Optimiser steps that are compared.
const STEPS: usize = 3;

pub(crate) fn run(case: &Case, comparison: &mut Comparison) {
    let adapter = case.adapter("adapter");
    let start = ia3::attach(&case.model, &[&adapter]).unwrap().train();
    let steps = |again: bool| {
        let mut optimizer = OptimizerConfig::adamw().init();
        let (mut model, mut losses, mut first) = (start.clone(), vec![], None);
        for _ in 0..STEPS {
            let (loss, grads) = step(case, &model, again);
            first.get_or_insert_with(|| as_file(case, &gradients_of(&adapter, &model, &grads)));
            model = optimizer.step(1e-2, model, grads);
            losses.push(loss);
        }
        (losses, first.unwrap(), as_file(case, &adapter.extract(&model).unwrap()))
    };
    let (kept, again) = (steps(false), steps(true));
    comparison.equal("losses of checkpoints", &again.0, &kept.0);
    for (what, again, kept) in [("gradient", &again.1, &kept.1), ("trained value", &again.2, &kept.2)] {
        for key in kept.names() {
            let values = |of: &crate::case::Tensors| of.get(key).unwrap().values.clone();
            comparison.equal(&format!("{what} of checkpoints: {key}"), &values(again), &values(kept));
        }
    }
}

/// The loss and the gradients, with blocks that are computed `again`.
fn step(case: &Case, model: &Model, again: bool) -> (f64, burn::optim::GradientsParams) {
    match again {
        true => with_gradient_checkpointing(|| backward(case, model)),
        false => backward(case, model),
    }
}
