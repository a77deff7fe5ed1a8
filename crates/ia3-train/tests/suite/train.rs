//! Training and evaluation of a tiny model, end to end.

use burn::module::Module;
use burn::tensor::Device;
use ia3_core::{Adapter, Ia3Config, attach};
use ia3_models::{Model, ModelConfig};
use ia3_train::{
    Evaluator, Example, OptimizerConfig, Schedule, TrainConfig, TrainError, Training, evaluate, train,
};

fn tiny() -> Model {
    let config = r#"{"model_type": "t5", "vocab_size": 12, "d_model": 16, "d_kv": 4, "d_ff": 32, "num_heads": 4,
                     "num_layers": 1, "dropout_rate": 0.0}"#;
    let device = Device::flex();
    device.seed(5);
    ModelConfig::from_json(config).unwrap().init(&device)
}

/// The target is the first token of the input, twice.
fn examples() -> Vec<Example> {
    (2..12).map(|id| Example::new(vec![id, 13 - id, 1], vec![id, id, 1])).collect()
}

fn config(steps: usize) -> TrainConfig {
    TrainConfig::new()
        .with_steps(steps)
        .with_batch_size(4)
        .with_learning_rate(2e-2)
        .with_schedule(Schedule::Linear { warmup: 2 })
        .with_optimizer(OptimizerConfig::adamw())
        .with_max_grad_norm(Some(1.0))
        .with_bucket(2)
        .with_seed(3)
}

fn adapted(base: &Model) -> (Model, Adapter) {
    let plan = Ia3Config::new().plan(&base.info()).unwrap();
    let adapter = Adapter::init(base, &plan);
    (attach(base, &[&adapter]).unwrap(), adapter)
}

#[test]
fn all_weights_learn_the_task_and_the_evaluation_sees_it() {
    let before = evaluate(&tiny(), &examples(), 3).unwrap();
    let steps = config(250).with_learning_rate(1e-2);
    let (model, report) = train(tiny(), &examples(), &steps).unwrap();
    let after = evaluate(&model, &examples(), 3).unwrap();
    assert!(before.exact_match < 0.5 && after.exact_match == 1.0, "{before:?} {after:?}");
    assert!(after.loss < 0.1 * before.loss, "{} {}", before.loss, after.loss);
    assert_eq!(report.losses.len(), 250);
    assert_eq!(after.generated[3], [5, 5]);
}

#[test]
fn a_run_is_repeatable_to_the_bit_and_a_seed_matters() {
    let base = tiny();
    let losses = |seed| {
        let config = config(6).with_seed(seed);
        let (model, report) = train(adapted(&base).0, &examples(), &config).unwrap();
        assert!(!report.stopped);
        drop(model);
        report.losses
    };
    assert_eq!(losses(1), losses(1));
    assert_ne!(losses(1), losses(2));
}

#[test]
fn progress_sees_every_step_and_stop_ends_the_training() {
    let base = tiny();
    let (model, adapter) = adapted(&base);
    let mut rates = vec![];
    let (model, report) = Training::new(model, config(10))
        .with_progress(|step| {
            rates.push((step.step, step.learning_rate, step.grad_norms.is_some(), step.tokens));
        })
        .with_stop(|step| step.step == 3)
        .run(examples())
        .unwrap();
    assert!(report.stopped);
    let tokens: Vec<usize> = rates.iter().map(|r| r.3).collect();
    let rates: Vec<_> = rates.into_iter().map(|r| (r.0, r.1, r.2)).collect();
    assert_eq!(rates, [(1, 0.0, true), (2, 1e-2, true), (3, 2e-2, true)]);
    // Ten examples of six tokens make batches of four, four and two, in some order.
    assert_eq!((tokens.iter().sum::<usize>(), tokens.iter().max()), (60, Some(&24)));
    let trained = adapter.extract(&model).unwrap();
    let moved =
        |path: &String| trained.vectors[path].l.val().to_data() != adapter.vectors[path].l.val().to_data();
    assert!(adapter.vectors.keys().all(moved), "what was learned until then is there");
}

#[test]
fn evaluation_does_not_depend_on_the_batch_size() {
    let base = tiny();
    let (one, all) = (evaluate(&base, &examples(), 1).unwrap(), evaluate(&base, &examples(), 10).unwrap());
    assert_eq!(one.generated, all.generated);
    assert!((one.loss - all.loss).abs() < 1e-5, "{} {}", one.loss, all.loss);
}

#[test]
fn the_batches_of_an_evaluation_are_seen_with_their_answers() {
    let base = tiny();
    let (mut rows, mut answers) = (vec![], vec![vec![]; 10]);
    let whole = Evaluator::new(&base).with_batch_size(4).run_with(&examples(), |batch, evaluation| {
        assert_eq!(evaluation.examples, batch.len());
        for (&row, ids) in batch.iter().zip(&evaluation.generated) {
            answers[row].clone_from(ids);
        }
        rows.push(batch.to_vec());
    });
    assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
    assert_eq!(whole.unwrap().generated, answers);
}

#[test]
fn impossible_requests_are_refused_with_the_reason() {
    let refuse =
        |examples: &[Example], config: &TrainConfig| train(tiny(), examples, config).unwrap_err().to_string();
    assert_eq!(refuse(&[], &config(1)), "there are no examples");
    let empty = [Example::new(vec![2, 1], vec![])];
    assert_eq!(refuse(&empty, &config(1)), "example 0 has an empty target");
    let zero = config(1).with_batch_size(0);
    assert_eq!(refuse(&examples(), &zero), "`batch_size` is 0, expected at least 1");
    let rate = config(1).with_learning_rate(f64::NAN);
    assert_eq!(refuse(&examples(), &rate), "`learning_rate` is NaN, expected a positive number");
    let in_order = config(1).with_shuffle(false);
    let error =
        "`bucket` is 2, expected 1 without `shuffle`, because sorting by length would reorder the rows";
    assert_eq!(refuse(&examples(), &in_order), error);
    let outside = [Example::new(vec![12, 1], vec![2, 1])];
    assert_eq!(refuse(&outside, &config(1)), "`input_ids` holds the id 12, outside the vocabulary of 12");
    let label = [Example::new(vec![2, 1], vec![77, 1])];
    assert_eq!(
        refuse(&label, &config(1)),
        "`labels` holds 77, which is neither one of the 12 classes nor -100"
    );
}

#[test]
fn a_loss_that_is_not_finite_names_the_step_and_the_batch() {
    let huge = config(9).with_learning_rate(1e30).with_max_grad_norm(None).with_schedule(Schedule::Constant);
    let error = train(tiny(), &examples(), &huge).unwrap_err();
    match error {
        TrainError::LossNotFinite { step, examples, .. }
        | TrainError::GradientNotFinite { step, examples, .. } => {
            assert!((2..=9).contains(&step) && !examples.is_empty());
        }
        other => panic!("{other}"),
    }
}

#[test]
fn an_adapted_model_in_training_mode_evaluates_as_the_extracted_adapter() {
    let base = tiny();
    let (model, adapter) = adapted(&base);
    let (model, _) = train(model, &examples(), &config(20)).unwrap();
    let again = attach(&base, &[&adapter.extract(&model).unwrap()]).unwrap();
    assert_eq!(evaluate(&model, &examples(), 4).unwrap(), evaluate(&again, &examples(), 4).unwrap());
    assert_eq!(model.valid().num_params(), again.num_params());
}
