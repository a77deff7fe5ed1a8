//! A training of several adapters that is resumed from a state equals an uninterrupted one, to the bit. If a number is not
//! finite, the error names the task.

use crate::common::threads::threads;
use crate::turn;
use burn::tensor::Device;
use ia3_core::config::TaskType;
use ia3_core::{Adapter, Ia3Config, Ia3Vector};
use ia3_models::{Model, ModelConfig};
use ia3_train::{
    AdapterTask, Alone, CheckpointError, Communicator, Dataset, Example, OptimizerConfig, Schedule, Target,
    TrainConfig, TrainError, TrainState, Trainer,
};

/// Largest difference of a trained value between numbers of ranks. The gradients are summed in another order.
const TOLERANCE: f32 = 1e-5;

fn t5(dropout: f64) -> Model {
    let json = format!(
        r#"{{"model_type": "t5", "vocab_size": 12, "d_model": 16, "d_kv": 4, "d_ff": 32, "num_heads": 4,
             "num_layers": 1, "dropout_rate": {dropout}}}"#
    );
    base(&json)
}

const BERT: &str = r#"{"model_type": "bert", "vocab_size": 20, "hidden_size": 16, "num_hidden_layers": 1,
                       "num_attention_heads": 4, "intermediate_size": 32, "max_position_embeddings": 32,
                       "num_labels": 3}"#;
const GPT2: &str = r#"{"model_type": "gpt2", "vocab_size": 20, "n_embd": 16, "n_layer": 1, "n_head": 4, "pad_token_id": 0,
                       "n_positions": 32}"#;

fn base(json: &str) -> Model {
    let device = Device::flex();
    device.seed(5);
    ModelConfig::from_json(json).unwrap().init(&device)
}

/// Tasks with seven, eight and nine rows, so that the last batches of an epoch have one, two and three rows.
fn data(target: impl Fn(i64, i64) -> Target) -> [Dataset; 3] {
    [0, 1, 2].map(|task| {
        let example = |id: i64| Example::new(vec![id, 11 - id, 1], target(task, id));
        Dataset::from((2..9 + task).map(example).collect::<Vec<_>>())
    })
}

fn texts() -> [Dataset; 3] {
    data(|task, id| vec![id; (id + task) as usize % 3 + 1].into())
}

fn config(optimizer: OptimizerConfig, gradient_accumulation_steps: usize) -> TrainConfig {
    TrainConfig::new()
        .with_steps(7)
        .with_batch_size(3)
        .with_gradient_accumulation_steps(gradient_accumulation_steps)
        .with_learning_rate(2e-2)
        .with_schedule(Schedule::Linear { warmup: 2 })
        .with_optimizer(optimizer)
        .with_bucket(2)
        .with_seed(3)
}

/// Copies of one adapter, one per task. Every call gives them new parameter ids.
fn forks(base: &Model, count: usize) -> Vec<Adapter> {
    let config = match base.num_labels() {
        Some(_) => Ia3Config::new().with_task_type(TaskType::SeqCls),
        None => Ia3Config::new(),
    };
    let start = Adapter::init(base, &config.plan(&base.info()).unwrap());
    (0..count).map(|_| start.fork()).collect()
}

fn trainer<'a>(base: &Model, data: &'a [Dataset], config: &'a TrainConfig) -> Trainer<'a> {
    let tasks = forks(base, data.len()).into_iter().zip(data);
    let tasks: Vec<AdapterTask> = tasks.map(|(adapter, data)| AdapterTask { adapter, data }).collect();
    Trainer::multi_task(base, &tasks, config).unwrap()
}

/// The losses of the remaining steps, and the final values.
fn finish(trainer: &mut Trainer) -> (Vec<Vec<u32>>, Vec<u8>) {
    let mut losses = vec![];
    while !trainer.is_done() {
        losses.push(trainer.step().unwrap().losses.iter().map(|loss| loss.to_bits()).collect());
    }
    (losses, trainer.state().unwrap().values)
}

/// With seven, eight and nine rows, the third batch is smaller for some of the tasks.
fn can_be_resumed_after_every_step(base: &Model, data: &[Dataset], optimizer: OptimizerConfig) {
    for accumulation in [1, 2] {
        let config = config(optimizer.clone(), accumulation);
        let (losses, values) = finish(&mut trainer(base, data, &config));
        let mut first = trainer(base, data, &config);
        let mut sizes = std::collections::BTreeSet::new();
        for step in 0..config.steps {
            let mut second = trainer(base, data, &config);
            second.restore(&first.state().unwrap()).unwrap();
            assert_eq!(second.steps_done(), step);
            let (rest, end) = finish(&mut second);
            assert_eq!(rest, losses[step..], "{optimizer:?} x {accumulation} from step {step}");
            assert!(end == values, "{optimizer:?} x {accumulation} from step {step}");
            sizes.insert(first.step().unwrap().tokens);
        }
        assert!(sizes.len() > 1, "batches differ in size");
    }
}

#[test]
fn texts_can_be_resumed_after_every_step() {
    let _turn = turn();
    for optimizer in [OptimizerConfig::adamw(), OptimizerConfig::Adafactor { scale_parameter: true }] {
        can_be_resumed_after_every_step(&t5(0.2), &texts(), optimizer);
    }
}

#[test]
fn choices_and_heads_can_be_resumed_after_every_step() {
    let _turn = turn();
    // The number of choices differs, so the number of batch entries differs between steps.
    let choices = |task: i64, id: i64| {
        let choices: Vec<Vec<i64>> = (0..2 + (id + task) % 3).map(|c| vec![2 + c; c as usize + 1]).collect();
        Target::Choices { answer: id as usize % choices.len(), choices }
    };
    can_be_resumed_after_every_step(&t5(0.2), &data(choices), OptimizerConfig::adamw());
    let classes = data(|task, id| Target::Class((id + task) as usize % 3));
    can_be_resumed_after_every_step(&base(BERT), &classes, OptimizerConfig::adamw());
}

/// The state has the values of the adapters, by the position of the task. It does not fit another number of tasks.
#[test]
fn a_state_belongs_to_its_tasks() {
    let _turn = turn();
    let (base, data) = (t5(0.0), texts());
    let config = config(OptimizerConfig::adamw(), 1);
    let mut three = trainer(&base, &data, &config);
    three.step().unwrap();
    let state = three.state().unwrap();
    let values: usize = forks(&base, 3).iter().map(Adapter::num_params).sum();
    // The value and two moments of each parameter in float32, and the names. The base has 3,600 values.
    assert!(state.values.len() < 3 * values * 4 + 40_000, "{} bytes", state.values.len());
    let mut two = trainer(&base, &data[..2], &config);
    let error = two.restore(&state).unwrap_err();
    assert!(matches!(error, TrainError::Checkpoint(CheckpointError::State { .. })), "{error}");
    assert_eq!(two.steps_done(), 0);
}

#[test]
fn a_loss_that_is_not_finite_names_the_task_and_changes_nothing() {
    let _turn = turn();
    let (base, data) = (base(GPT2), texts());
    let config = config(OptimizerConfig::adamw(), 2);
    let mut adapters = forks(&base, 3);
    // The attention scores of the second task are infinite.
    for vector in adapters[1].vectors.values_mut() {
        *vector = Ia3Vector::new(vector.l.val() * 1e25, vector.placement);
    }
    let tasks = adapters.into_iter().zip(&data);
    let tasks: Vec<AdapterTask> = tasks.map(|(adapter, data)| AdapterTask { adapter, data }).collect();
    let mut trainer = Trainer::multi_task(&base, &tasks, &config).unwrap();
    let before = trainer.state().unwrap();
    let error = trainer.step().unwrap_err();
    assert_eq!(error.task(), Some(1), "{error}");
    assert!(error.to_string().starts_with("task 1: the loss is NaN at step 1; lower"), "{error}");
    let rows = error.diverged_at().unwrap();
    assert!((4..=6).contains(&rows.len()) && rows.iter().all(|&row| row < 8), "{rows:?}");
    let after = trainer.state().unwrap();
    assert!((before.step, before.values) == (after.step, after.values));
}

#[test]
fn a_step_that_spoils_the_vectors_is_undone_and_one_that_would_break_them_is_not_made() {
    let _turn = turn();
    let (base, data) = (base(GPT2), texts());
    let constant = |learning_rate, optimizer| {
        config(optimizer, 1)
            .with_learning_rate(learning_rate)
            .with_max_grad_norm(None)
            .with_schedule(Schedule::Constant)
    };
    let spoiling = constant(1e25, OptimizerConfig::adamw());
    let mut trainer = self::trainer(&base, &data, &spoiling);
    let start = trainer.state().unwrap();
    trainer.step().unwrap();
    assert!(start.values != trainer.state().unwrap().values);
    let error = trainer.step().unwrap_err();
    assert!(error.to_string().starts_with("task 0: the loss is NaN at step 2"), "{error}");
    let back = trainer.state().unwrap();
    assert!((start.step, start.values) == (back.step, back.values), "back before the step that spoilt");

    let ruinous = constant(1e300, OptimizerConfig::Adafactor { scale_parameter: false });
    let mut trainer = self::trainer(&base, &data, &ruinous);
    let start = trainer.state().unwrap();
    let error = trainer.step().unwrap_err().to_string();
    assert!(error.starts_with("task 0: a parameter would become NaN or infinite at step 1"), "{error}");
    assert!(start.values == trainer.state().unwrap().values);
}

fn run(
    base: &Model,
    data: &[Dataset],
    config: &TrainConfig,
    ranks: &dyn Communicator,
) -> (Vec<f32>, TrainState, Vec<f32>) {
    let mut trainer = trainer(base, data, config).with_ranks(ranks).unwrap();
    let mut losses = vec![];
    while !trainer.is_done() {
        losses.extend(trainer.step().unwrap().losses);
    }
    let values = |adapter: &Adapter| -> Vec<f32> {
        adapter.vectors.values().flat_map(|v| v.values().into_data().iter().collect::<Vec<f32>>()).collect()
    };
    let learned = trainer.adapters().unwrap().iter().flat_map(values).collect();
    (losses, trainer.state().unwrap(), learned)
}

#[test]
fn several_ranks_equal_one_process() {
    let _turn = turn();
    let (base, data) = (t5(0.0), texts());
    let config = config(OptimizerConfig::adamw(), 4).with_learning_rate(1e-2);
    let (losses, _, learned) = run(&base, &data, &config, &Alone);
    for size in [2, 3] {
        let ranks = threads(size);
        let all: Vec<_> = std::thread::scope(|scope| {
            let (base, data, config) = (&base, &data, &config);
            let running: Vec<_> =
                ranks.iter().map(|rank| scope.spawn(move || run(base, data, config, rank))).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for (of_rank, state, values) in &all {
            let worst = |a: &[f32], b: &[f32]| {
                assert_eq!(a.len(), b.len());
                a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
            };
            assert!(worst(of_rank, &losses) < TOLERANCE && worst(values, &learned) < TOLERANCE);
            assert!(state.values == all[0].1.values, "each rank has the same bits");
        }
    }
}
