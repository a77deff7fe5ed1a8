//! A step over several micro-batches equals one step with the mean of their gradients.

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, TensorData};
use ia3_core::{Adapter, Ia3Config, attach};
use ia3_models::{Model, ModelConfig};
use ia3_train::{
    Dataset, Example, ExampleError, OptimizerConfig, Schedule, TrainConfig, TrainError, Trainer, loss,
};

/// Largest difference of a trained value. It comes from the order in which means and sums are taken.
const TOLERANCE: f32 = 1e-6;

const CONFIG: &str = r#"{"model_type": "t5", "vocab_size": 12, "d_model": 16, "d_kv": 4, "d_ff": 32, "num_heads": 4,
                         "num_layers": 1, "dropout_rate": 0.0}"#;

fn base() -> Model {
    let device = Device::flex();
    device.seed(5);
    ModelConfig::from_json(CONFIG).unwrap().init(&device)
}

/// Examples of different lengths, so that the losses of micro-batches are means over different numbers of tokens.
fn example(id: i64) -> Example {
    Example::new(vec![id, 1], [vec![id; id as usize % 3 + 1], vec![1]].concat())
}

fn settings() -> TrainConfig {
    TrainConfig::t_few()
        .with_steps(1)
        .with_batch_size(2)
        .with_gradient_accumulation_steps(3)
        .with_learning_rate(1e-2)
        .with_schedule(Schedule::Constant)
        .with_optimizer(OptimizerConfig::AdamW { betas: (0.9, 0.999), weight_decay: 0.0 })
        .with_max_grad_norm(Some(0.1))
        .with_bucket(1)
        .with_seed(3)
}

fn vectors(adapter: &Adapter, model: &Model) -> Vec<TensorData> {
    adapter.extract(model).unwrap().vectors.values().map(|v| v.values().into_data()).collect()
}

#[test]
fn loss_and_update_are_those_of_the_mean() {
    let base = base();
    let plan = Ia3Config::new().plan(&base.info()).unwrap();
    let adapter = Adapter::init(&base, &plan);
    let model = attach(&base, &[&adapter]).unwrap();
    let examples: Vec<Example> = (2..8).map(example).collect();
    let (data, settings) = (Dataset::from(&examples[..]), settings());
    let mut trainer = Trainer::new(model.clone(), &data, &settings).unwrap();
    let report = trainer.step().unwrap();
    assert_eq!((report.step, trainer.steps_per_epoch()), (1, 1.0));

    // The same order, with one micro-batch per step and a learning rate that changes nothing.
    let still = settings.clone().with_gradient_accumulation_steps(1).with_learning_rate(1e-30).with_steps(3);
    let mut single = Trainer::new(model.clone(), &data, &still).unwrap();
    let (losses, tokens): (Vec<f32>, Vec<usize>) =
        (0..3).map(|_| single.step().unwrap()).map(|report| (report.loss, report.tokens)).unzip();
    assert!((report.loss - losses.iter().sum::<f32>() / 3.0).abs() < 1e-6, "{} {losses:?}", report.loss);
    assert_eq!(report.tokens, tokens.iter().sum::<usize>());

    // Micro-batches are matched by their losses, because the order is random.
    let model = model.train();
    let mut accumulator = GradientsAccumulator::new();
    for wanted in losses {
        let pairs = (0..6).flat_map(|a| (0..6).map(move |b| [a, b])).filter(|[a, b]| a != b);
        let value = |pair: &[usize; 2]| loss(&model, &pair.map(|i| &examples[i]), &settings.loss).unwrap();
        let batch = pairs.map(|pair| value(&pair)).find(|l| l.total.clone().into_scalar::<f32>() == wanted);
        let grads = (batch.unwrap().total / 3.0).backward();
        accumulator.accumulate(&model, GradientsParams::from_grads(grads, &model));
    }
    let (grads, _) = ia3_train::clip_grad_norm(accumulator.grads(), &model, 0.1);
    let stepped = settings.optimizer.init().step(1e-2, model, grads);
    let (got, expected) = (vectors(&adapter, trainer.model()), vectors(&adapter, &stepped));
    assert_ne!(got, vectors(&adapter, &base_with(&base, &adapter)), "something was learned");
    for (got, expected) in got.iter().zip(&expected) {
        let worst = got.iter::<f32>().zip(expected.iter::<f32>()).map(|(a, b)| (a - b).abs());
        assert!(worst.fold(0.0, f32::max) < TOLERANCE);
    }
}

fn base_with(base: &Model, adapter: &Adapter) -> Model {
    attach(base, &[adapter]).unwrap()
}

#[test]
fn a_row_without_a_variant_is_refused() {
    let data = Dataset { rows: vec![vec![example(3)], vec![]] };
    let error = Trainer::new(base(), &data, &settings()).err().unwrap();
    assert!(matches!(error, TrainError::Example(ExampleError::EmptyRow { index: 1 })), "{error}");
}
