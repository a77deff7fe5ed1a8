//! Losses of masked language models, whose head is computed for the hidden tokens only, against those of all logits.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Int, Tensor};
use ia3::models::{IGNORE_INDEX, RowLosses, row_losses};
use ia3::{Adapter, Ia3Config, Model, Selector, Task};

use crate::tasks::{Case, cases};

/// Of losses, in relation to the largest of a batch.
const LOSS: f32 = 1e-6;

/// Of gradients, in relation to the largest of a tensor. Sums are in another order, and all layers below the head carry the
/// difference on.
const GRADIENT: f32 = 1e-5;

const NONE: [&str; 0] = [];

fn masked() -> impl Iterator<Item = Case> {
    let cases: Vec<Case> = cases().0.into_iter().filter(|case| case.task == Task::MaskedLm).collect();
    assert_eq!(cases.len(), 9);
    cases.into_iter()
}

/// The gradients of all parameters that have one, in the order of the module.
struct Gradients(GradientsParams, Vec<Vec<f32>>);

impl ModuleVisitor for Gradients {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let gradient = self.0.get::<D>(param.id);
        self.1.extend(gradient.map(|gradient| gradient.into_data().iter().collect()));
    }
}

/// The sums of the rows, and the gradients of their mean.
fn values(model: &ia3::models::Model, losses: RowLosses) -> Vec<Vec<f32>> {
    let sums = losses.sums.clone().into_data().iter().collect();
    let gradients = GradientsParams::from_grads(losses.mean().backward(), model);
    let mut gradients = Gradients(gradients, vec![sums]);
    model.visit(&mut gradients);
    gradients.1
}

fn worst(got: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(got.len(), expected.len());
    let largest = expected.iter().fold(0.0f32, |a, b| a.max(b.abs())).max(f32::MIN_POSITIVE);
    got.iter().zip(expected).map(|(a, b)| (a - b).abs() / largest).fold(0.0, f32::max)
}

/// Compares the losses and the gradients of `count` parameters for labels of some, of all and of no tokens.
fn compare(case: &Case, model: &Model, count: usize) {
    let module = model.module().clone().train();
    let (some, ids) = (case.labels(), case.ids("input_ids").unwrap());
    for labels in [some.clone(), ids, some.full_like(IGNORE_INDEX)] {
        let by_label = values(&module, module.row_losses(&case.inputs(), labels.clone()).unwrap());
        let of_all = values(&module, row_losses(module.forward(&case.inputs()).unwrap(), labels));
        assert_eq!([by_label.len(), of_all.len()], [1 + count; 2], "{}", case.name);
        for (i, (got, expected)) in by_label.iter().zip(&of_all).enumerate() {
            let worst = worst(got, expected);
            let tolerance = if i == 0 { LOSS } else { GRADIENT };
            assert!(worst <= tolerance, "{}, tensor {i}: {worst}", case.name);
        }
    }
}

/// Compares losses and most likely tokens for labels of some, of all and of no tokens.
fn compare_predictions(case: &Case, model: &Model) {
    let (some, ids) = (case.labels(), case.ids("input_ids").unwrap());
    for labels in [some.clone(), ids, some.full_like(IGNORE_INDEX)] {
        let found = model.module().token_predictions(&case.inputs(), labels.clone()).unwrap();
        let logits = model.module().forward(&case.inputs()).unwrap();
        let ignored = labels.clone().equal_elem(IGNORE_INDEX);
        let classes = logits.clone().argmax(2).squeeze_dim::<2>(2).mask_fill(ignored.clone(), 0);
        classes.into_data().assert_eq(&found.classes.mask_fill(ignored, 0).into_data(), true);
        let sums = |losses: RowLosses| -> Vec<f32> { losses.sums.into_data().iter().collect() };
        let worst = worst(&sums(found.losses), &sums(row_losses(logits, labels)));
        assert!(worst <= LOSS, "{}: {worst}", case.name);
    }
}

/// An adapter with random vectors.
fn adapter(case: &Case, config: Ia3Config) -> Adapter {
    let config = config.with_feedforward_modules(NONE).with_init_ia3_weights(false);
    let module = case.base.module();
    Adapter::init(module, &config.plan(&module.info()).unwrap())
}

#[test]
fn losses_of_a_fixed_head_are_those_of_all_logits() {
    for case in masked() {
        let adapter = case.adapter();
        let model = case.base.with_adapter(&adapter).unwrap();
        compare(&case, &model, adapter.vectors.len());
        compare_predictions(&case, &model);
    }
}

#[test]
fn losses_of_a_head_with_vectors_are_those_of_all_logits() {
    for case in masked() {
        let adapter = adapter(&case, Ia3Config::new().with_target_modules(Selector::AllLinear));
        let in_head =
            |path: &String| path.contains("dense") && path.contains("head") || path.contains("predictions");
        let some = adapter.vectors.keys().any(in_head) || adapter.vectors.contains_key("vocab_transform");
        assert!(some, "{}: {:?}", case.name, adapter.vectors.keys());
        // ESM's head for contacts has no part in these losses.
        let used = adapter.vectors.keys().filter(|path| !path.contains("contact_head")).count();
        let model = case.base.with_adapter(&adapter).unwrap();
        compare(&case, &model, used);
        compare_predictions(&case, &model);
    }
}

#[test]
fn losses_of_a_head_that_is_trained_are_those_of_all_logits() {
    let case = masked().find(|case| case.name == "bert.MaskedLM").unwrap();
    for saved in ["transform.dense", "transform.LayerNorm"] {
        let config = Ia3Config::new().with_target_modules(["query"]).with_modules_to_save([saved]);
        let adapter = adapter(&case, config);
        let model = case.base.with_adapter(&adapter).unwrap();
        compare(&case, &model, adapter.vectors.len() + 2);
    }
}

#[test]
fn losses_of_rows_with_their_own_vectors_in_the_head_are_those_of_all_logits() {
    for case in masked() {
        let config = || Ia3Config::new().with_target_modules(Selector::AllLinear);
        let (first, second) = (adapter(&case, config()), adapter(&case, config()));
        let model = case.base.with_rows(&[Some(&first), None, Some(&second)]).unwrap();
        let sums = |losses: RowLosses| -> Vec<f32> { losses.sums.into_data().iter().collect() };
        let labels: Tensor<2, Int> = case.labels();
        let by_label = sums(model.module().row_losses(&case.inputs(), labels.clone()).unwrap());
        let of_all = sums(row_losses(model.forward(case.inputs()).unwrap(), labels));
        assert!(worst(&by_label, &of_all) <= LOSS, "{}: {by_label:?}, {of_all:?}", case.name);
    }
}
