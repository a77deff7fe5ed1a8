//! A training that is resumed from a checkpoint equals an uninterrupted one, to the bit.

use crate::turn;
use burn::tensor::Device;
use ia3_core::{Adapter, Ia3Config, attach};
use ia3_models::{Model, ModelConfig};
use ia3_train::{
    CheckpointError, Checkpoints, Dataset, Example, Fingerprint, OptimizerConfig, Schedule, TrainConfig,
    TrainError, Trainer,
};

fn base() -> Model {
    let config = r#"{"model_type": "t5", "vocab_size": 12, "d_model": 16, "d_kv": 4, "d_ff": 32, "num_heads": 4,
                     "num_layers": 1, "dropout_rate": 0.2}"#;
    let device = Device::flex();
    device.seed(5);
    ModelConfig::from_json(config).unwrap().init(&device)
}

/// The adapted model. Every call gives it new parameter ids.
fn adapted(base: &Model) -> (Model, Adapter) {
    let plan = Ia3Config::new().plan(&base.info()).unwrap();
    let adapter = Adapter::init(base, &plan);
    (attach(base, &[&adapter]).unwrap(), adapter)
}

fn data() -> Dataset {
    let example = |id: i64, n| Example::new(vec![id, 13 - id, 1], vec![id; n]);
    Dataset { rows: (2..12).map(|id| (1..=id as usize % 3 + 1).map(|n| example(id, n)).collect()).collect() }
}

fn config(optimizer: OptimizerConfig, gradient_accumulation_steps: usize) -> TrainConfig {
    TrainConfig::new()
        .with_steps(9)
        .with_batch_size(3)
        .with_gradient_accumulation_steps(gradient_accumulation_steps)
        .with_learning_rate(2e-2)
        .with_schedule(Schedule::Linear { warmup: 2 })
        .with_optimizer(optimizer)
        .with_bucket(2)
        .with_seed(3)
}

/// The losses of the remaining steps, and the final values.
fn finish(trainer: &mut Trainer) -> (Vec<u32>, Vec<u8>) {
    let mut losses = vec![];
    while !trainer.is_done() {
        losses.push(trainer.step().unwrap().loss.to_bits());
    }
    (losses, trainer.state().unwrap().values)
}

#[test]
fn a_training_can_be_resumed_after_every_step() {
    let _turn = turn();
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
    let _turn = turn();
    let json = r#"{"model_type": "t5", "vocab_size": 12, "d_model": 16, "d_kv": 4, "d_ff": 32, "num_heads": 4,
                   "num_layers": 1, "dropout_rate": 0.0}"#;
    let base = ModelConfig::from_json(json).unwrap().init(&Device::flex());
    let example = |id: i64| Example::new(vec![id, 13 - id, 1], vec![id, id, 1]);
    let data = Dataset::from((2..10).map(example).collect::<Vec<_>>());
    // The targets have one length, so the mean of means is the mean of the large batch.
    let step = |batch_size, gradient_accumulation_steps| {
        let config = config(OptimizerConfig::adamw(), gradient_accumulation_steps)
            .with_batch_size(batch_size)
            .with_bucket(1)
            .with_schedule(Schedule::Constant);
        Trainer::new(adapted(&base).0, &data, &config).unwrap().step().unwrap()
    };
    let (whole, parts) = (step(8, 1), step(2, 4));
    assert!((whole.loss - parts.loss).abs() < 1e-5, "{} {}", whole.loss, parts.loss);
    let (a, b) = (whole.grad_norms.unwrap()[0], parts.grad_norms.unwrap()[0]);
    assert!((a - b).abs() < 1e-4 * a, "{a} {b}");
    assert_eq!(whole.tokens, parts.tokens);
}

#[test]
fn a_checkpoint_is_complete_or_absent_and_belongs_to_one_training() {
    let _turn = turn();
    let (base, data, config) = (base(), data(), config(OptimizerConfig::adamw(), 1));
    let dir = tempfile::tempdir().unwrap();
    let of = |seed: &str| Fingerprint::from_iter([("seed", seed)]);
    let checkpoints = Checkpoints::new(dir.path().join("checkpoints"), of("3"));
    assert!(checkpoints.steps().unwrap().is_empty());
    let mut trainer = Trainer::new(adapted(&base).0, &data, &config).unwrap();
    for step in 1..=5 {
        trainer.step().unwrap();
        let state = trainer.state().unwrap();
        checkpoints.write::<_, CheckpointError>(&state, &step, |_| Ok(())).unwrap();
    }
    // A killed process leaves a temporary folder behind.
    std::fs::create_dir(dir.path().join("checkpoints/.step-xyz")).unwrap();
    let refused = checkpoints.write(&trainer.state().unwrap(), &9, |_| Err(TrainError::NoTasks));
    assert!(refused.is_err());
    assert_eq!(checkpoints.steps().unwrap(), [1, 2, 3, 4, 5]);
    checkpoints.prune(2, &[1]).unwrap();
    assert_eq!(checkpoints.steps().unwrap(), [1, 4, 5]);
    assert_eq!(std::fs::read_dir(dir.path().join("checkpoints")).unwrap().count(), 3);

    let later = Checkpoints::new(dir.path().join("later"), of("3"));
    for step in [3, 4, 7] {
        let state = ia3_train::TrainState { step, ..trainer.state().unwrap() };
        later.write::<_, CheckpointError>(&state, &step, |_| Ok(())).unwrap();
    }
    later.remove_after(3).unwrap();
    assert_eq!(later.steps().unwrap(), [3]);
    let folders = |dir: &std::path::Path| {
        ["plain", "3"].iter().try_for_each(|name| std::fs::create_dir(dir.join(name))).unwrap();
        std::fs::write(dir.join("plain/kept"), "whole").unwrap();
        Ok::<_, CheckpointError>(())
    };
    let path = later.write(&trainer.state().unwrap(), &5, folders).unwrap();
    assert_eq!(std::fs::read_to_string(path.join("plain/kept")).unwrap(), "whole");

    let read = checkpoints.read::<i32>(5).unwrap();
    assert_eq!((read.progress, read.state.step), (5, 5));
    assert!(read.state.values == trainer.state().unwrap().values);
    let other = Checkpoints::new(dir.path().join("checkpoints"), of("4")).read::<i32>(5).unwrap_err();
    assert!(other.to_string().contains("was made with another seed: 3, now 4;"), "{other}");
    let others = Fingerprint::from_iter([("seed", "4"), ("steps", "7")]);
    let other = Checkpoints::new(dir.path().join("checkpoints"), others).read::<i32>(5).unwrap_err();
    let said = "another seed: 3, now 4; another steps: absent, now 7; use the same values again, or start a new training";
    assert!(other.to_string().ends_with(said), "{other}");

    // A checkpoint of an earlier version has no hashes and no format, and its fingerprint cannot be compared.
    let path = checkpoints.path(5);
    let (file, sums) = (path.join("trainer_state.json"), path.join("SHA256SUMS"));
    let text = std::fs::read_to_string(&file).unwrap();
    let without_format = text.replace("  \"fingerprint_format\": 3,\n", "");
    std::fs::write(&file, &without_format).unwrap();
    let damaged = checkpoints.read::<i32>(5).unwrap_err();
    assert!(matches!(&damaged, CheckpointError::Damaged { path, .. } if *path == file), "{damaged}");
    std::fs::remove_file(&sums).unwrap();
    let old = checkpoints.read::<i32>(5).unwrap_err();
    assert!(matches!(old, CheckpointError::FingerprintFormat { found: 1, expected: 3, .. }), "{old}");
    std::fs::write(&file, text).unwrap();
    let damaged = checkpoints.read::<i32>(5).unwrap_err();
    assert!(damaged.is_damage() && damaged.to_string().contains("SHA256SUMS"), "{damaged}");
}

#[test]
fn the_state_of_another_model_or_optimiser_is_refused() {
    let _turn = turn();
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
        .plan(&base.info())
        .unwrap();
    let fewer = attach(&base, &[&Adapter::init(&base, &plan)]).unwrap();
    let error = Trainer::new(fewer, &data, &adamw).unwrap().restore(&state).unwrap_err().to_string();
    assert!(
        error.contains("not trained here") || error.contains("does not belong to a parameter"),
        "{error}"
    );
    let mut cut = state.clone();
    cut.values.truncate(100);
    assert!(matches!(trainer.restore(&cut), Err(TrainError::Checkpoint(CheckpointError::State { .. }))));
}

/// A classifier whose head is trained with the vectors, and a decoder whose query vectors stay at 1.
#[test]
fn heads_and_fixed_query_vectors_can_be_resumed() {
    let _turn = turn();
    let bert = r#"{"model_type": "bert", "vocab_size": 20, "hidden_size": 16, "num_hidden_layers": 1,
                   "num_attention_heads": 4, "intermediate_size": 32, "max_position_embeddings": 32, "num_labels": 3}"#;
    let gpt2 = r#"{"model_type": "gpt2", "vocab_size": 20, "n_embd": 16, "n_layer": 1, "n_head": 4, "pad_token_id": 0,
                   "n_positions": 32}"#;
    let text = |id: i64| Example::new(vec![id, 13 - id], vec![id, 1]);
    let class = |id: i64| Example { target: ia3_train::Target::Class(id as usize % 3), ..text(id) };
    let config =
        config(OptimizerConfig::AdamW { betas: (0.9, 0.99), weight_decay: 0.1 }, 1).with_max_grad_norm(None);
    for json in [bert, gpt2] {
        let base = ModelConfig::from_json(json).unwrap().init(&Device::flex());
        let is_bert = base.num_labels().is_some();
        let data = match is_bert {
            true => Dataset::from((2..12).map(class).collect::<Vec<_>>()),
            false => Dataset::from((2..12).map(text).collect::<Vec<_>>()),
        };
        let kind = if is_bert {
            Ia3Config::new().with_task_type(ia3_core::config::TaskType::SeqCls)
        } else {
            Ia3Config::new()
        };
        let adapted = || {
            let adapter = Adapter::init(&base, &kind.plan(&base.info()).unwrap());
            let adapter = if is_bert { adapter } else { adapter.kv_only(&base.info()).unwrap() };
            (attach(&base, &[&adapter]).unwrap(), adapter)
        };
        let (model, adapter) = adapted();
        assert_eq!(is_bert, !adapter.saved.is_empty());
        let mut whole = Trainer::new(model, &data, &config).unwrap();
        let (_, values) = finish(&mut whole);
        let trained = adapter.extract(whole.model()).unwrap();
        match is_bert {
            true => assert_ne!(trained.saved, adapter.saved, "the head is trained"),
            false => assert!(trained.num_trainable() < trained.num_params(), "queries are held"),
        }
        let mut first = Trainer::new(adapted().0, &data, &config).unwrap();
        for _ in 0..4 {
            first.step().unwrap();
        }
        let mut second = Trainer::new(adapted().0, &data, &config).unwrap();
        second.restore(&first.state().unwrap()).unwrap();
        assert!(finish(&mut second).1 == values, "{json}");
    }
}

#[test]
fn a_step_that_would_break_the_vectors_is_not_made() {
    let _turn = turn();
    let (base, data) = (base(), data());
    let optimizer = OptimizerConfig::Adafactor { scale_parameter: false };
    let config = config(optimizer, 1).with_learning_rate(1e300).with_max_grad_norm(None);
    let (model, adapter) = adapted(&base);
    let mut trainer = Trainer::new(model, &data, &config).unwrap();
    trainer.step().unwrap();
    let before = trainer.state().unwrap();
    let error = trainer.step().unwrap_err();
    assert!(matches!(error, TrainError::ParameterNotFinite { step: 2, .. }), "{error}");
    assert!((1..=3).contains(&error.diverged_at().unwrap().len()));
    let after = trainer.state().unwrap();
    assert!((before.step, before.values) == (after.step, after.values), "the state is that before the step");
    let kept = adapter.extract(trainer.model()).unwrap();
    // The first step of the warm-up has the rate 0.
    assert!(kept.vectors.values().all(|v| v.values().into_data().iter::<f32>().all(|l| l == 1.0)));
}
