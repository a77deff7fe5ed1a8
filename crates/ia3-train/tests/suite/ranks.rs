//! A training by several ranks equals one by a single process. The ranks here are threads.

use crate::common::threads::{Thread, threads};
use burn::tensor::{Device, TensorData};
use ia3_core::{Adapter, Ia3Config, attach};
use ia3_models::{Model, ModelConfig};
use ia3_train::{
    Communicator, Dataset, Example, OptimizerConfig, Schedule, TrainConfig, TrainError, Trainer,
};

/// Largest difference of a trained value. The gradients are summed in another order.
const TOLERANCE: f32 = 1e-5;

const CONFIG: &str = r#"{"model_type": "t5", "vocab_size": 12, "d_model": 16, "d_kv": 4, "d_ff": 32, "num_heads": 4,
                         "num_layers": 1, "dropout_rate": 0.0}"#;

fn settings(micro_batches: usize, optimizer: OptimizerConfig) -> TrainConfig {
    TrainConfig::t_few()
        .with_steps(6)
        .with_batch_size(2)
        .with_gradient_accumulation_steps(micro_batches)
        .with_learning_rate(1e-2)
        .with_schedule(Schedule::Linear { warmup: 2 })
        .with_optimizer(optimizer)
        .with_max_grad_norm(Some(0.5))
        .with_bucket(2)
        .with_seed(3)
}

fn data() -> Dataset {
    let target = |id: i64| [vec![id; id as usize % 3 + 1], vec![1]].concat();
    let example = |id: i64| Example::new(vec![id, 1], target(id));
    Dataset { rows: (2..12).map(|id| vec![example(id)]).collect() }
}

fn base() -> Model {
    let device = Device::flex();
    device.seed(5);
    ModelConfig::from_json(CONFIG).unwrap().init(&device)
}

/// Runs `steps` steps, starting from the state `from`. Returns the losses, the vectors and the state.
fn run(
    base: &Model,
    settings: &TrainConfig,
    ranks: &dyn Communicator,
    from: Option<&ia3_train::TrainState>,
    steps: usize,
) -> (Vec<f32>, Vec<TensorData>, ia3_train::TrainState) {
    let plan = Ia3Config::new().plan(&base.info()).unwrap();
    let adapter = Adapter::init(base, &plan);
    let data = data();
    let model = attach(base, &[&adapter]).unwrap();
    let mut trainer = Trainer::new(model, &data, settings).unwrap().with_ranks(ranks).unwrap();
    if let Some(state) = from {
        trainer.restore(state).unwrap();
    }
    let losses = (0..steps).map(|_| trainer.step().unwrap().loss).collect();
    let vectors = adapter.extract(trainer.model()).unwrap();
    let vectors = vectors.vectors.values().map(|v| v.values().into_data()).collect();
    (losses, vectors, trainer.state().unwrap())
}

fn run_all(
    base: &Model,
    settings: &TrainConfig,
    size: usize,
    from: Option<&ia3_train::TrainState>,
    steps: usize,
) -> Vec<(Vec<f32>, Vec<TensorData>, ia3_train::TrainState)> {
    let ranks = threads(size);
    std::thread::scope(|scope| {
        let start = |rank: Thread| scope.spawn(move || run(base, settings, &rank, from, steps));
        let running: Vec<_> = ranks.into_iter().map(start).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn worst(a: &[TensorData], b: &[TensorData]) -> f32 {
    let of = |(a, b): (&TensorData, &TensorData)| {
        a.iter::<f32>().zip(b.iter::<f32>()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(of).fold(0.0, f32::max)
}

#[test]
fn several_ranks_equal_one_process() {
    let base = base();
    for optimizer in [OptimizerConfig::adamw(), OptimizerConfig::Adafactor { scale_parameter: true }] {
        let settings = settings(4, optimizer);
        let (losses, vectors, _) = run(&base, &settings, &ia3_train::Alone, None, 6);
        for size in [2, 3, 4] {
            let all = run_all(&base, &settings, size, None, 6);
            for (of_rank, learned, state) in &all {
                assert!(of_rank.iter().zip(&losses).all(|(a, b)| (a - b).abs() < TOLERANCE));
                let difference = worst(learned, &vectors);
                assert!(difference < TOLERANCE, "{size} ranks: {difference:e}");
                assert_eq!(state.values, all[0].2.values, "each rank has the same bits");
            }
        }
    }
}

#[test]
fn a_training_can_be_resumed_with_another_number_of_ranks() {
    let base = base();
    let settings = settings(4, OptimizerConfig::adamw());
    let (losses, vectors, _) = run(&base, &settings, &ia3_train::Alone, None, 6);
    let state = run_all(&base, &settings, 4, None, 3)[0].2.clone();
    for size in [1, 2] {
        let (rest, learned, _) = run_all(&base, &settings, size, Some(&state), 3).remove(0);
        assert!(rest.iter().zip(&losses[3..]).all(|(a, b)| (a - b).abs() < TOLERANCE));
        assert!(worst(&learned, &vectors) < TOLERANCE);
    }
}

#[test]
fn a_rank_without_work_is_an_error() {
    let (data, settings) = (data(), settings(2, OptimizerConfig::adamw()));
    let ranks = threads(3);
    let error = Trainer::new(base(), &data, &settings).unwrap().with_ranks(&ranks[0]).unwrap_err();
    assert!(matches!(error, TrainError::IdleRanks { ranks: 3, micro_batches: 2 }), "{error}");
}
