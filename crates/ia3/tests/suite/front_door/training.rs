//! Training by the builders is that of `ia3::train`.

use burn::module::Module;
use burn::optim::GradientsParams;
use ia3::data::Span;
use ia3::models::ProblemType;
use ia3::train::{AdapterTask, Dataset, Example, OptimizerConfig, Target, TrainConfig, Trainer, evaluate};
use ia3::{Adapter, Model, Task};

use super::{logits, open};
use crate::common::{Case, cases as all_cases};

/// Examples that fit the model: texts of different lengths, or classes.
fn examples(case: &Case) -> Vec<Example> {
    let example = |i: i64| {
        let input = (0..4 + i % 3).map(|j| 2 + (7 * i + 5 * j) % 29).collect();
        let input: Vec<i64> = input;
        let values = || Target::Values(vec![(i % 2) as f32; case.base.num_labels().unwrap()]);
        let target = match (case.base.task(), case.base.problem()) {
            (_, Some(ProblemType::Regression | ProblemType::MultiLabelClassification)) => values(),
            (Task::SequenceClassification, _) => Target::Class(i as usize % 2),
            (Task::QuestionAnswering, _) => {
                let n = input.len();
                let (start, end, places) = (i as usize % n, n - 1, vec![Some((0, 0)); n]);
                Target::Span(Span { start, end, places, ..Span::default() })
            }
            (Task::TokenClassification, _) => Target::TokenClasses(input.iter().map(|id| id % 5).collect()),
            _ => Target::from((0..2 + i % 2).map(|j| 2 + (3 * i + j) % 29).collect::<Vec<i64>>()),
        };
        Example::new(input, target)
    };
    (0..6).map(example).collect()
}

/// The cases whose models are trained on examples of texts.
fn cases() -> impl Iterator<Item = Case> {
    let trained = |case: &Case| {
        let of_texts = !matches!(case.base.task(), Task::FeatureExtraction | Task::SpeechSeq2Seq);
        of_texts && case.base.image().is_none()
    };
    all_cases().into_iter().filter(trained)
}

fn config() -> TrainConfig {
    TrainConfig::new().with_steps(4).with_batch_size(2).with_learning_rate(1e-2).with_warmup_ratio(0.06)
}

/// Every trained value, by path.
fn learned(adapter: &ia3::core::Adapter) -> Vec<f32> {
    let vectors = adapter.vectors.values().flat_map(|v| v.values().into_data().iter().collect::<Vec<f32>>());
    let saved = adapter.saved.values().flat_map(|data| data.iter().collect::<Vec<f32>>());
    vectors.chain(saved).collect()
}

#[test]
fn losses_and_values_are_those_of_a_trainer() {
    for case in cases() {
        let ((base, adapter), examples) = (open(&case), examples(&case));
        let (data, config) = (Dataset::from(examples.clone()), config());
        let attached = ia3::attach(&case.base, &[&adapter]).unwrap();
        let mut trainer = Trainer::new(attached, &data, &config).unwrap();
        let losses: Vec<f32> = trainer.steps().map(|step| step.unwrap().loss).collect();

        let mut seen = vec![];
        let trained = base.with_adapter(&adapter).unwrap();
        let trained = trained.train(&examples).steps(4).batch_size(2).learning_rate(1e-2);
        let trained = trained.on_step(|step| seen.push(step.loss)).run().unwrap();
        assert_eq!(trained.report.losses, losses, "{}", case.name);
        assert_eq!(seen, losses, "{}", case.name);
        assert!(!trained.report.stopped);
        let expected = adapter.extract(trainer.model()).unwrap();
        assert_eq!(learned(trained.model.adapter().unwrap()), learned(&expected), "{}", case.name);
        let lower = ia3::attach(&case.base, &[&expected]).unwrap();
        assert_eq!(logits(&trained.model, case.inputs()), case.logits(&lower), "{}", case.name);

        let evaluation = trained.model.evaluate(&examples).batch_size(4).run().unwrap();
        assert_eq!(evaluation, evaluate(&lower, &examples, 4).unwrap(), "{}", case.name);
        let loss: f32 = base.loss(&examples).unwrap().total.into_scalar();
        let expected = ia3::train::loss(&case.base, &examples.iter().collect::<Vec<_>>(), &config.loss);
        assert_eq!(loss, expected.unwrap().total.into_scalar::<f32>(), "{}", case.name);
    }
}

#[test]
fn adapters_train_together_as_in_the_lower_layer() {
    for case in cases() {
        let ((base, adapter), examples) = (open(&case), examples(&case));
        let (first, second) = (adapter.fork(), adapter.fork());
        let data: [Dataset; 2] = [examples[..3].into(), examples[3..].into()];
        let task = |adapter: &Adapter, data| AdapterTask { adapter: adapter.clone().into(), data };
        let (tasks, config) = ([task(&first, &data[0]), task(&second, &data[1])], config());
        let mut trainer = Trainer::multi_task(&case.base, &tasks, &config).unwrap();
        let losses: Vec<f32> = trainer.steps().map(|step| step.unwrap().loss).collect();
        let trained = base.train_adapters([(&first, &examples[..3]), (&second, &examples[3..])]);
        let trained = trained.steps(4).batch_size(2).learning_rate(1e-2).run().unwrap();
        assert_eq!(trained.report.losses, losses, "{}", case.name);
        for (got, expected) in trained.adapters.iter().zip(trainer.adapters().unwrap()) {
            assert_eq!(learned(got), learned(&expected), "{}", case.name);
        }
    }
}

fn t5() -> (Case, Model) {
    let case = cases().find(|case| case.name == "t5").unwrap();
    let (base, adapter) = open(&case);
    let model = base.with_adapter(&adapter).unwrap();
    (case, model)
}

#[test]
fn a_training_ends_after_its_epochs_or_when_it_is_told_to() {
    let (case, model) = t5();
    let examples = examples(&case);
    let train = || model.train(&examples).batch_size(4);
    assert_eq!(
        train().epochs(3.0).run().unwrap().report.losses.len(),
        6,
        "six examples are two batches of four"
    );
    assert_eq!(train().epochs(1.5).run().unwrap().report.losses.len(), 3);
    let accumulated = train().batch_size(1).gradient_accumulation_steps(3).epochs(2.0).run().unwrap();
    assert_eq!(accumulated.report.losses.len(), 4);
    let stopped = train().steps(9).stop_when(|step| step.step == 2).run().unwrap();
    assert_eq!((stopped.report.losses.len(), stopped.report.stopped), (2, true));
}

#[test]
fn settings_replace_each_other() {
    let (case, model) = t5();
    let examples = examples(&case);
    let config =
        config().with_shuffle(false).with_optimizer(OptimizerConfig::adamw()).with_max_grad_norm(None);
    let one = model.train(&examples).config(config.clone()).run().unwrap();
    let each = model.train(&examples).steps(4).batch_size(2).learning_rate(1e-2).shuffle(false);
    let each = each.optimizer(OptimizerConfig::adamw()).max_grad_norm(None).run().unwrap();
    assert_eq!(one.report.losses, each.report.losses);
    let other = model.train(&examples).config(config).seed(7).shuffle(true).run().unwrap();
    assert_ne!(one.report.losses, other.report.losses);
}

#[test]
fn the_module_is_trained_with_burn_and_taken_back() {
    let (case, model) = t5();
    let examples = examples(&case);
    let mut module = model.module().clone().train();
    let mut optimizer = OptimizerConfig::adamw().init();
    let batch = ia3::train::collate(&examples.iter().collect::<Vec<_>>(), &module, &model.device());
    for _ in 0..2 {
        let loss = module.loss(&batch.inputs, batch.labels.clone()).unwrap();
        let grads = GradientsParams::from_grads(loss.backward(), &module);
        module = optimizer.step(1e-2, module, grads);
    }
    let module = module.valid();
    let trained = model.with_module(module.clone()).unwrap();
    assert_eq!(logits(&trained, case.inputs()), case.logits(&module));
    assert_ne!(learned(trained.adapter().unwrap()), learned(model.adapter().unwrap()));
    let again = model.without_adapters().with_adapter(trained.adapter().unwrap()).unwrap();
    assert_eq!(logits(&again, case.inputs()), case.logits(&module));
}
