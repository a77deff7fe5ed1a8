//! A training that goes on from a checkpoint is the uninterrupted one, to the bit.

use std::sync::Mutex;

use burn::tensor::Device;
use ia3_core::{Adapter, Ia3Config, PlanOptions, attach};
use ia3_models::{Model, ModelConfig};
use ia3_train::{
    Checkpoints, Dataset, Example, Fingerprint, OptimizerConfig, Schedule, TrainConfig, TrainError, Trainer,
};

/// The CPU has one source of random numbers a process, so trainings with dropout take turns.
static DROPOUT: Mutex<()> = Mutex::new(());

fn base() -> Model {
    let config = r#"{"model_type": "t5", "vocab_size": 12, "d_model": 16, "d_kv": 4, "d_ff": 32, "num_heads": 4,
                     "num_layers": 1, "dropout_rate": 0.2}"#;
    let device = Device::flex();
    device.seed(5);
    ModelConfig::from_json(config).unwrap().init(&device)
}

/// The adapted model, with parameter ids that no other call gives.
fn adapted(base: &Model) -> (Model, Adapter) {
    let plan = Ia3Config::new().plan(&base.info(), PlanOptions::default()).unwrap();
    let adapter = Adapter::init(base, &plan);
    (attach(base, &[&adapter]).unwrap(), adapter)
}

fn data() -> Dataset {
    let example = |id: i64, n| Example { input: vec![id, 13 - id, 1], target: vec![id; n].into() };
    Dataset { rows: (2..12).map(|id| (1..=id as usize % 3 + 1).map(|n| example(id, n)).collect()).collect() }
}

fn config(optimizer: OptimizerConfig, gradient_accumulation_steps: usize) -> TrainConfig {
    TrainConfig {
        steps: 9,
        batch_size: 3,
        gradient_accumulation_steps,
        learning_rate: 2e-2,
        schedule: Schedule::Linear { warmup: 2 },
        optimizer,
        bucket: 2,
        seed: 3,
        ..TrainConfig::default()
    }
}

/// Losses of the steps to the end, and the final values.
fn finish(trainer: &mut Trainer) -> (Vec<u32>, Vec<u8>) {
    let mut losses = vec![];
    while !trainer.is_done() {
        losses.push(trainer.step().unwrap().loss.to_bits());
    }
    (losses, trainer.state().unwrap().values)
}

#[test]
fn every_step_can_be_gone_on_from() {
    let _turn = DROPOUT.lock().unwrap_or_else(|e| e.into_inner());
    let (base, data) = (base(), data());
    for optimizer in [OptimizerConfig::adamw(), OptimizerConfig::Adafactor { scale_parameter: true }] {
        for accumulation in [1, 3] {
            let config = config(optimizer.clone(), accumulation);
            let (losses, values) = finish(&mut Trainer::new(adapted(&base).0, &data, &config).unwrap());
            let mut first = Trainer::new(adapted(&base).0, &data, &config).unwrap();
            for step in 0..9 {
                let mut second = Trainer::new(adapted(&base).0, &data, &config).unwrap();
                second.restore(&first.state().unwrap()).unwrap();
                assert_eq!(second.steps_done(), step);
                let (rest, end) = finish(&mut second);
                assert_eq!(rest, losses[step..], "{optimizer:?} from step {step}");
                assert!(end == values, "{optimizer:?} x {accumulation} from step {step}");
                first.step().unwrap();
            }
        }
    }
}

#[test]
fn accumulated_micro_batches_are_the_mean_of_their_losses() {
    let _turn = DROPOUT.lock().unwrap_or_else(|e| e.into_inner());
    let json = r#"{"model_type": "t5", "vocab_size": 12, "d_model": 16, "d_kv": 4, "d_ff": 32, "num_heads": 4,
                   "num_layers": 1, "dropout_rate": 0.0}"#;
    let base = ModelConfig::from_json(json).unwrap().init(&Device::flex());
    let example = |id: i64| Example { input: vec![id, 13 - id, 1], target: vec![id, id, 1].into() };
    let data = Dataset::from((2..10).map(example).collect::<Vec<_>>());
    // Targets of one length: the mean of means is the mean of the large batch.
    let step = |batch_size, gradient_accumulation_steps| {
        let config = TrainConfig {
            batch_size,
            bucket: 1,
            schedule: Schedule::Constant,
            ..config(OptimizerConfig::adamw(), gradient_accumulation_steps)
        };
        Trainer::new(adapted(&base).0, &data, &config).unwrap().step().unwrap()
    };
    let (whole, parts) = (step(8, 1), step(2, 4));
    assert!((whole.loss - parts.loss).abs() < 1e-5, "{} {}", whole.loss, parts.loss);
    let (a, b) = (whole.grad_norm.unwrap(), parts.grad_norm.unwrap());
    assert!((a - b).abs() < 1e-4 * a, "{a} {b}");
    assert_eq!(whole.tokens, parts.tokens);
}

#[test]
fn a_checkpoint_is_whole_or_not_there_and_belongs_to_one_training() {
    let _turn = DROPOUT.lock().unwrap_or_else(|e| e.into_inner());
    let (base, data, config) = (base(), data(), config(OptimizerConfig::adamw(), 1));
    let dir = tempfile::tempdir().unwrap();
    let of = |seed: &str| Fingerprint::from([("seed".into(), seed.into())]);
    let checkpoints = Checkpoints::new(dir.path().join("checkpoints"), of("3"));
    assert!(checkpoints.steps().unwrap().is_empty());
    let mut trainer = Trainer::new(adapted(&base).0, &data, &config).unwrap();
    for step in 1..=5 {
        trainer.step().unwrap();
        let state = trainer.state().unwrap();
        checkpoints.write::<_, TrainError>(&state, &step, |_| Ok(())).unwrap();
    }
    // What a kill leaves behind: a folder on its way, and one without its name.
    std::fs::create_dir(dir.path().join("checkpoints/.step-xyz")).unwrap();
    let refused = checkpoints.write(&trainer.state().unwrap(), &9, |_| Err(TrainError::NoExamples));
    assert!(refused.is_err());
    assert_eq!(checkpoints.steps().unwrap(), [1, 2, 3, 4, 5]);
    checkpoints.prune(2, &[1]).unwrap();
    assert_eq!(checkpoints.steps().unwrap(), [1, 4, 5]);
    assert_eq!(std::fs::read_dir(dir.path().join("checkpoints")).unwrap().count(), 3);

    let read = checkpoints.read::<i32>(5).unwrap();
    assert_eq!((read.progress, read.state.step), (5, 5));
    assert!(read.state.values == trainer.state().unwrap().values);
    let other = Checkpoints::new(dir.path().join("checkpoints"), of("4")).read::<i32>(5).unwrap_err();
    assert!(other.to_string().contains("was made with another seed: 3, now 4"), "{other}");
}

#[test]
fn the_state_of_another_model_or_optimiser_is_refused() {
    let _turn = DROPOUT.lock().unwrap_or_else(|e| e.into_inner());
    let (base, data) = (base(), data());
    let (adamw, adafactor) = (
        config(OptimizerConfig::adamw(), 1),
        config(OptimizerConfig::Adafactor { scale_parameter: true }, 1),
    );
    let mut trainer = Trainer::new(adapted(&base).0, &data, &adamw).unwrap();
    trainer.step().unwrap();
    let state = trainer.state().unwrap();
    let mut other = Trainer::new(adapted(&base).0, &data, &adafactor).unwrap();
    let error = other.restore(&state).unwrap_err().to_string();
    assert!(error.contains("another optimiser"), "{error}");
    let plan = Ia3Config::new()
        .with_target_modules(["k"].into_iter().collect::<ia3_core::config::Selector>())
        .with_feedforward_modules(Vec::<&str>::new().into_iter().collect::<ia3_core::config::Selector>())
        .plan(&base.info(), PlanOptions::default())
        .unwrap();
    let fewer = attach(&base, &[&Adapter::init(&base, &plan)]).unwrap();
    let error = Trainer::new(fewer, &data, &adamw).unwrap().restore(&state).unwrap_err().to_string();
    assert!(error.contains("not trained here") || error.contains("no parameter"), "{error}");
    let mut cut = state.clone();
    cut.values.truncate(100);
    assert!(matches!(trainer.restore(&cut), Err(TrainError::State { .. })));
}
