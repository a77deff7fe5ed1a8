//! The recipe of T-Few against PyTorch: 20 steps of each training of `fixtures/tfew/recipes.json`.
//!
//! `IA3_FIXTURES=DIR cargo test --workspace --test tfew` takes another corpus of the same form.
#![cfg(feature = "train")]

mod case;
#[path = "../common/mod.rs"]
mod common;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use ia3::core::Adapter;
use ia3::train::{Evaluator, Example, Loss, Training, clip_grad_norm, loss};

use case::Case;

/// Losses and their terms, relative. PyTorch's float32 differs from its float64 by 6e-7 at most.
const LOSS: f64 = 1e-5;
/// Norms of gradients, relative.
const NORM: f64 = 1e-4;
/// Parameters after 20 steps. PyTorch's float32 differs from its float64 by 1.5e-6 at most, by 4.4e-6 in other corpora.
const PARAMETERS: f64 = 5e-5;
/// Scores of choices, relative.
const SCORES: f64 = 1e-5;

/// The greatest difference of a kind, and the bound it has to keep.
struct Worst(f64, f64);

impl Worst {
    fn relative(&mut self, what: &str, got: f64, expected: f64) {
        self.absolute(what, got / expected, 1.0);
    }

    fn absolute(&mut self, what: &str, got: f64, expected: f64) {
        let difference = (got - expected).abs();
        assert!(difference <= self.1, "{what}: {got} instead of {expected}");
        self.0 = self.0.max(difference);
    }
}

fn check(name: &str) {
    let case = Case::read(name);
    let [losses, norms, parameters] = trained(&case);
    let terms = terms(&case);
    let scores = if case.scores.is_empty() { 0.0 } else { scores(&case) };
    println!(
        "{name:12} worst: losses {losses:.1e}, terms {terms:.1e}, norms {norms:.1e}, parameters {parameters:.1e}, \
         scores {scores:.1e}"
    );
}

/// By `train`: the loss, the gradient's norm and the rate of every step, and what was learned.
fn trained(case: &Case) -> [f64; 3] {
    let [mut losses, mut norms] = [Worst(0.0, LOSS), Worst(0.0, NORM)];
    let fresh = case.fresh();
    let model = ia3::attach(&case.model, &[&fresh]).unwrap();
    let training = Training::new(model, case.config.clone()).with_progress(|step| {
        let expected = &case.log[step.step - 1];
        let number = |name: &str| expected[name].as_f64().unwrap();
        let place = format!("{} step {}", case.name, step.step);
        losses.relative(&format!("{place} loss"), step.loss.into(), number("total"));
        norms.relative(
            &format!("{place} norm"),
            step.grad_norms.as_ref().unwrap()[0].into(),
            number("grad_norm"),
        );
        Worst(0.0, 1e-12).absolute(&place, step.learning_rate, number("learning_rate"));
    });
    let (model, report) = training.run(&case.examples).unwrap();
    assert_eq!(report.losses.len(), case.log.len());
    [losses.0, norms.0, parameters(case, &fresh.extract(&model).unwrap())]
}

fn parameters(case: &Case, got: &Adapter) -> f64 {
    let expected = case.trained();
    let mut worst = Worst(0.0, PARAMETERS);
    assert_eq!(got.vectors.keys().collect::<Vec<_>>(), expected.vectors.keys().collect::<Vec<_>>());
    assert_eq!(got.saved.keys().collect::<Vec<_>>(), expected.saved.keys().collect::<Vec<_>>());
    let vectors = expected.vectors.iter().map(|(path, v)| {
        assert_eq!(got.vectors[path].placement, v.placement, "{path}");
        (path, got.vectors[path].l.val().into_data(), v.l.val().into_data())
    });
    let saved = expected.saved.iter().map(|(path, data)| (path, got.saved[path].clone(), data.clone()));
    for (path, got, expected) in vectors.chain(saved) {
        assert_eq!(got.shape(), expected.shape(), "{path}");
        for (x, y) in got.iter::<f64>().zip(expected.iter::<f64>()) {
            worst.absolute(&format!("{} {path}", case.name), x, y);
        }
    }
    worst.0
}

/// By the pieces: every term of the loss at every step.
fn terms(case: &Case) -> f64 {
    let config = &case.config;
    let mut worst = Worst(0.0, LOSS);
    let mut model = ia3::attach(&case.model, &[&case.fresh()]).unwrap().train();
    let mut optimizer = config.optimizer.init();
    let rows: Vec<&Example> = case.examples.iter().collect();
    for (step, expected) in case.log.iter().enumerate() {
        let loss = loss(&model, &rows, &config.loss).unwrap();
        for (name, got) in named(&loss) {
            match (expected[name].as_f64(), got) {
                (Some(expected), Some(got)) => {
                    worst.relative(&format!("{} step {step} {name}", case.name), got, expected)
                }
                (None, None) => {}
                (expected, got) => panic!("{name}: {got:?} instead of {expected:?}"),
            }
        }
        let grads = GradientsParams::from_grads(loss.total.backward(), &model);
        let (grads, _) = clip_grad_norm(grads, &model, config.max_grad_norm.unwrap());
        model =
            optimizer.step(config.learning_rate * config.schedule.factor(step, config.steps), model, grads);
    }
    worst.0
}

fn named(loss: &Loss) -> [(&'static str, Option<f64>); 4] {
    let float = |t: &Tensor<1>| t.clone().into_scalar::<f32>().into();
    [
        ("total", Some(float(&loss.total))),
        ("cross_entropy", Some(float(&loss.cross_entropy))),
        ("length_normalised", loss.length_normalised.as_ref().map(float)),
        ("unlikelihood", loss.unlikelihood.as_ref().map(float)),
    ]
}

/// Rank classification by the base, in batches of 1, 5 and all rows.
fn scores(case: &Case) -> f64 {
    let answers: Vec<usize> = case.examples.iter().map(answer).collect();
    let best = |scores: &[f64], but: Option<usize>| {
        let others = (0..scores.len()).filter(|c| Some(*c) != but);
        others.min_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap()
    };
    let predictions: Vec<usize> = case.scores.iter().map(|scores| best(scores, None)).collect();
    let hits = predictions.iter().zip(&answers).filter(|(p, a)| p == a).count();
    let mean = |f: &dyn Fn(&[f64], usize) -> f64| {
        let values = case.scores.iter().zip(&answers).map(|(scores, answer)| f(scores, *answer));
        values.sum::<f64>() / answers.len() as f64
    };
    let mut worst = Worst(0.0, SCORES);
    for batch_size in [1, 5, 100] {
        let got = Evaluator::new(&case.model)
            .with_batch_size(batch_size)
            .with_loss(case.config.loss)
            .run(&case.examples)
            .unwrap();
        assert_eq!(got.predictions, predictions);
        assert_eq!(got.accuracy, Some(hits as f64 / answers.len() as f64));
        let scores = got.scores.unwrap();
        worst.relative("right", scores.right, mean(&|scores, answer| scores[answer]));
        worst.relative(
            "wrong",
            scores.best_wrong,
            mean(&|scores, answer| scores[best(scores, Some(answer))]),
        );
    }
    worst.0
}

fn answer(example: &Example) -> usize {
    match example.target {
        ia3::train::Target::Choices { answer, .. } => answer,
        _ => panic!("{example:?} has no choices"),
    }
}

#[test]
fn the_preset_trains_as_the_reference_does() {
    check("t_few");
}

#[test]
fn the_papers_unlikelihood_and_other_weights_train_as_the_reference_does() {
    check("paper");
}

#[test]
fn the_preset_of_pretraining_trains_as_the_reference_does() {
    check("pretraining");
}

#[test]
fn decoders_train_on_choices_as_the_reference_does() {
    check("gpt2");
    check("llama");
}

#[test]
fn a_decoder_trains_on_input_and_target_as_the_reference_does() {
    check("gpt2_all");
}

#[test]
fn a_classifier_and_its_head_train_as_the_reference_does() {
    check("bert");
}
