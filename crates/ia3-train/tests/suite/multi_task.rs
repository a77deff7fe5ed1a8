//! Adapters that are trained in one run come out as if each were trained alone: for texts, classes and choices, with clipping,
//! and with batches that differ in size and in the number of choices.

use burn::module::Module;
use burn::tensor::Device;
use ia3_core::{Adapter, Ia3Config, attach};
use ia3_models::{Model, ModelConfig};
use ia3_train::{
    AdapterTask, Dataset, Example, OptimizerConfig, Schedule, StepReport, Target, TrainConfig, TrainError,
    Trainer,
};

/// Largest difference of a trained value; the values are about 1.
const TOLERANCE: f32 = 1e-5;

const T5: &str = r#"{"model_type": "t5", "vocab_size": 20, "d_model": 16, "d_kv": 4, "d_ff": 32, "num_heads": 4,
                     "num_layers": 1, "dropout_rate": 0.0, "feed_forward_proj": "gated-gelu"}"#;
const GPT2: &str = r#"{"model_type": "gpt2", "vocab_size": 20, "n_embd": 16, "n_layer": 2, "n_head": 4, "pad_token_id": 0,
                       "n_positions": 32, "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}"#;
const BERT: &str = r#"{"model_type": "bert", "vocab_size": 20, "hidden_size": 16, "num_hidden_layers": 1,
                       "num_attention_heads": 4, "intermediate_size": 32, "max_position_embeddings": 32,
                       "num_labels": 3, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}"#;

fn base(config: &str) -> Model {
    let device = Device::flex();
    device.seed(5);
    ModelConfig::from_json(config).unwrap().init(&device)
}

fn ids(start: usize, count: usize) -> Vec<i64> {
    (0..count).map(|i| 2 + ((start * 7 + i * 5) % 18) as i64).collect()
}

/// Examples of a task, of different lengths. The last batch of an epoch is smaller.
fn examples(task: usize, target: impl Fn(usize) -> Target) -> Vec<Example> {
    (0..7 + task).map(|i| Example::new(ids(i + 3 * task, 2 + (i + task) % 4), target(i))).collect()
}

fn config(gradient_accumulation_steps: usize) -> TrainConfig {
    TrainConfig::t_few()
        .with_steps(6)
        .with_batch_size(3)
        .with_gradient_accumulation_steps(gradient_accumulation_steps)
        .with_learning_rate(0.02)
        .with_schedule(Schedule::Linear { warmup: 1 })
        .with_optimizer(OptimizerConfig::adamw())
        .with_max_grad_norm(Some(0.05))
        .with_bucket(2)
        .with_seed(4)
}

fn adapters(base: &Model, count: usize) -> Vec<Adapter> {
    let config = match base.num_labels() {
        Some(_) => Ia3Config::new().with_task_type(ia3_core::config::TaskType::SeqCls),
        None => Ia3Config::new(),
    };
    let plan = config.plan(&base.info()).unwrap();
    (0..count).map(|_| Adapter::init(base, &plan)).collect()
}

fn learned(adapter: &Adapter) -> Vec<f32> {
    let vectors = adapter.vectors.values().flat_map(|v| v.values().into_data().iter().collect::<Vec<f32>>());
    let saved = adapter.saved.values().flat_map(|data| data.iter().collect::<Vec<f32>>());
    vectors.chain(saved).collect()
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The adapter of a task that is trained alone, and the steps of that training.
fn alone(base: &Model, task: &AdapterTask, config: &TrainConfig) -> (Adapter, Vec<StepReport>) {
    let model = attach(base, &[&task.adapter]).unwrap();
    let mut trainer = Trainer::new(model, task.data, config).unwrap();
    let steps = (0..config.steps).map(|_| trainer.step().unwrap()).collect();
    (task.adapter.extract(&trainer.into_model().valid()).unwrap(), steps)
}

fn one_run_is_many(name: &str, model: &str, data: [Vec<Example>; 3]) {
    let base = base(model);
    let data = data.map(Dataset::from);
    for accumulation in [1, 2] {
        let (adapters, config) = (adapters(&base, 3), config(accumulation));
        let tasks = adapters.iter().zip(&data);
        let tasks: Vec<AdapterTask> =
            tasks.map(|(adapter, data)| AdapterTask { adapter: adapter.clone(), data }).collect();
        let mut reports = vec![];
        let mut trainer = Trainer::multi_task(&base, &tasks, &config).unwrap();
        for step in trainer.steps() {
            reports.push(step.unwrap());
        }
        let together = trainer.adapters().unwrap();
        for (i, task) in tasks.iter().enumerate() {
            let (expected, steps) = alone(&base, task, &config);
            let expected = learned(&expected);
            let difference = worst(&learned(&together[i]), &expected);
            println!("{name} x {accumulation} task {i}: largest difference {difference:.1e}");
            assert!(difference <= TOLERANCE, "{name} task {i}: {difference}");
            assert!(worst(&learned(&task.adapter), &expected) > 1e-2, "{name} task {i} was trained");
            for (step, alone) in reports.iter().zip(&steps) {
                let norm = step.grad_norms.as_ref().unwrap()[i];
                assert!((step.losses[i] - alone.loss).abs() <= 1e-5 * alone.loss.abs(), "{name} {alone:?}");
                let expected = alone.grad_norms.as_ref().unwrap()[0];
                assert!((norm - expected).abs() <= 1e-4 * norm, "{name} {norm} {alone:?}");
            }
        }
        let means = reports.iter().map(|step| (step.loss, step.losses.iter().sum::<f32>() / 3.0));
        assert!(means.into_iter().all(|(loss, mean)| (loss - mean).abs() < 1e-6), "{reports:?}");
        let apart = worst(&learned(&together[0]), &learned(&together[1]));
        assert!(apart > 1e-3, "{name}: the tasks learned the same");
    }
}

#[test]
fn texts() {
    let data = || [0, 1, 2].map(|task| examples(task, |i| ids(i * (task + 1), 1 + i % 3).into()));
    one_run_is_many("t5", T5, data());
    one_run_is_many("gpt2", GPT2, data());
}

#[test]
fn classes_with_a_head_for_each_task() {
    one_run_is_many(
        "bert",
        BERT,
        [0, 1, 2].map(|task| examples(task, |i| Target::Class((i * (task + 1)) % 3))),
    );
}

#[test]
fn choices() {
    let choice = |task: usize| {
        move |i: usize| {
            let choices: Vec<Vec<i64>> =
                (0..2 + (i + task) % 3).map(|c| ids(i + 4 * c + task, 1 + (i + c) % 3)).collect();
            Target::Choices { answer: i % choices.len(), choices }
        }
    };
    let data = || [0, 1, 2].map(|task| examples(task, choice(task)));
    one_run_is_many("t5", T5, data());
    one_run_is_many("gpt2", GPT2, data());
}

/// The variants of a row are drawn as in a training of the task alone.
#[test]
fn rows_with_variants() {
    let base = base(T5);
    let rows = |task: usize| {
        let forms =
            |i: usize| examples(i + task, |j| ids(i + j, 1 + j % 2).into()).into_iter().take(1 + i % 3);
        Dataset { rows: (0..7).map(|i| forms(i).collect()).collect() }
    };
    let (data, adapters) = ([rows(0), rows(1)], adapters(&base, 2));
    let tasks = adapters.iter().zip(&data);
    let tasks: Vec<AdapterTask> =
        tasks.map(|(adapter, data)| AdapterTask { adapter: adapter.clone(), data }).collect();
    let config = config(1);
    let mut trainer = Trainer::multi_task(&base, &tasks, &config).unwrap();
    assert_eq!(trainer.steps().map(Result::unwrap).count(), config.steps);
    let together = trainer.adapters().unwrap();
    for (task, together) in tasks.iter().zip(&together) {
        let difference = worst(&learned(together), &learned(&alone(&base, task, &config).0));
        assert!(difference <= TOLERANCE, "{difference}");
    }
}

#[test]
fn tasks_that_cannot_be_trained_at_once_are_refused() {
    let base = base(T5);
    let adapters = adapters(&base, 2);
    let config = config(1);
    let refused = |tasks: &[AdapterTask]| Trainer::multi_task(&base, tasks, &config).unwrap_err().to_string();
    assert_eq!(refused(&[]), "there are no tasks to train; give at least one adapter with its data");
    let texts = Dataset::from(examples(0, |_| vec![3].into()));
    let choices = Dataset::from(examples(1, |_| Target::Choices { choices: vec![vec![3]], answer: 0 }));
    let (nothing, empty) = (Dataset::default(), Dataset { rows: vec![vec![]] });
    let task = |i: usize, data| AdapterTask { adapter: adapters[i].clone(), data };
    assert_eq!(
        refused(&[task(0, &texts), task(1, &choices)]),
        "task 1: the targets are a choice of texts, but those of the first task are a text; tasks that are trained at once \
         need targets of one kind"
    );
    assert_eq!(refused(&[task(0, &texts), task(1, &nothing)]), "task 1: there are no examples");
    let no_form = "task 0: row 0 has no example; give each row at least one variant";
    assert_eq!(refused(&[task(0, &empty), task(1, &texts)]), no_form);
    assert_eq!(
        refused(&[task(0, &texts), task(0, &texts)]),
        "two tasks train the same adapter; give each task its own copy, made with `Adapter::fork`"
    );
    let other = self::adapters(&self::base(GPT2), 1).remove(0);
    let misfit =
        Trainer::multi_task(&base, &[AdapterTask { adapter: other, data: &texts }], &config).unwrap_err();
    assert!(matches!(misfit, TrainError::Adapter(_)), "{misfit}");
}
