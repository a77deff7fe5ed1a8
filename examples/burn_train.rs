//! An adapter trained by burn-train's own loop: `Learner`, `SupervisedTraining`, its metrics, its data loaders.
//!
//! `cargo run -p ia3-examples --features burn-train --example burn_train`
//!
//! On the GPUs of one host, by burn's DDP: `… --features burn-train,cuda --example burn_train -- --devices 4`

use std::sync::Arc;

use anyhow::{Context, ensure};
use burn::data::dataloader::{DataLoader, DataLoaderBuilder, batcher::Batcher};
use burn::data::dataset::InMemDataset;
use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::lr_scheduler::constant::ConstantLr;
use burn::tensor::distributed::{DistributedConfig, ReduceOperation};
use burn::tensor::{Device, Int, Tensor};
use burn::train::metric::{AccuracyMetric, LossMetric};
use burn::train::{
    ClassificationOutput, ExecutionStrategy, InferenceStep, Learner, SupervisedTraining, TrainOutput,
    TrainStep,
};
use clap::Parser;
use ia3::core::Adapter;
use ia3::io::{AdapterOptions, load_adapter, save_adapter_with};
use ia3::models::Model;
use ia3::models::PaddingSide;
use ia3::train::OptimizerConfig;
use ia3::{Ia3Config, ModelConfig, ModelInputs, TaskType, TrainableParameters, attach};
use ia3_examples::difference;
use rand::{RngExt, SeedableRng};

const BASE: &str = r#"{"model_type": "bert", "vocab_size": 16, "hidden_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 4, "intermediate_size": 64, "max_position_embeddings": 16, "num_labels": 3,
    "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}"#;

const EPOCHS: usize = 20;

#[derive(Parser)]
struct Args {
    /// Where to train, such as `flex` or `cuda`; the best that is compiled in without it.
    #[arg(long, env = "BURN_DEVICE")]
    device: Option<String>,
    /// GPUs to train on together; more than one needs CUDA.
    #[arg(long, default_value_t = 1)]
    devices: usize,
    #[arg(long, default_value_t = EPOCHS)]
    epochs: usize,
}

/// What burn-train trains: the adapted model, and how a batch becomes a loss.
#[derive(Module, Debug)]
struct Classifier {
    model: Model,
}

/// A row: its ids and its class.
type Row = (Vec<i64>, i64);

#[derive(Clone, Debug)]
struct Batch {
    inputs: ModelInputs,
    /// `[batch]`
    classes: Tensor<1, Int>,
}

struct Padding;

impl Batcher<Row, Batch> for Padding {
    fn batch(&self, rows: Vec<Row>, device: &Device) -> Batch {
        let (ids, classes): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let inputs = ModelInputs::from_rows(&ids, 0, PaddingSide::Right, device);
        Batch { inputs, classes: Tensor::from_data(classes.as_slice(), device) }
    }
}

impl Classifier {
    fn classify(&self, Batch { inputs, classes }: Batch) -> ClassificationOutput {
        let logits =
            self.model.forward(&inputs).expect("the model takes ids of its vocabulary").squeeze_dim(1);
        let loss = CrossEntropyLossConfig::new().init(&logits.device());
        ClassificationOutput::new(loss.forward(logits.clone(), classes.clone()), logits, classes)
    }
}

impl TrainStep for Classifier {
    type Input = Batch;
    type Output = ClassificationOutput;

    /// Only what requires gradients gets one: the vectors and the head.
    fn step(&self, batch: Batch) -> TrainOutput<ClassificationOutput> {
        let output = self.classify(batch);
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

impl InferenceStep for Classifier {
    type Input = Batch;
    type Output = ClassificationOutput;

    fn step(&self, batch: Batch) -> ClassificationOutput {
        self.classify(batch)
    }
}

fn main() -> anyhow::Result<()> {
    run(&Args::parse())
}

fn run(args: &Args) -> anyhow::Result<()> {
    let (device, strategy) = strategy(args)?;
    device.seed(7);
    let base = ModelConfig::from_json(BASE)?.init(&device);
    let config = Ia3Config::new().with_task_type(TaskType::SeqCls);
    let start = Adapter::init(&base, &config.plan(&base.info())?);
    println!("{}", TrainableParameters::of(&base, &start));
    let dir = tempfile::tempdir()?;

    // burn-train, from here to the trained model. There is no checkpointer: it would write the whole base each time.
    let model = Classifier { model: attach(&base, &[&start])?.train() };
    let learner = Learner::new(model, OptimizerConfig::adamw().init(), ConstantLr::new(0.01));
    let held_out = rows(128, 2);
    let training =
        SupervisedTraining::new(dir.path().join("log"), loader(rows(512, 1)), loader(held_out.clone()))
            .metrics((AccuracyMetric::new(), LossMetric::new()))
            .num_epochs(args.epochs)
            .with_application_logger(None)
            .with_training_strategy(strategy.into());
    let result = training.launch(learner);
    ensure!(result.error.is_none(), "the training ended with {:?}", result.error);

    // The trained vectors and the head as PEFT's files, and from them on the base as it was.
    let trained = start.extract(&result.model.model)?;
    save_adapter_with(
        &trained,
        dir.path().join("adapter"),
        &AdapterOptions::default().with_base(base.info()),
    )?;
    let reloaded = load_adapter(dir.path().join("adapter"), &base.info(), &device)?;
    let batch = Padding.batch(held_out, &device);
    let (before, after) =
        (accuracy(&attach(&base, &[&start])?, &batch)?, accuracy(&result.model.model, &batch)?);
    println!("accuracy on 128 held-out rows {before:.3} -> {after:.3}");
    let from_file = attach(&base, &[&reloaded])?.forward(&batch.inputs)?;
    let apart = difference(from_file, result.model.model.forward(&batch.inputs)?);
    println!("the adapter from its file on the base differs by {apart:.1e} from the model that was trained");
    ensure!(after > 0.9 && after > before + 0.2, "it learned little: {before} -> {after}");
    ensure!(apart == 0.0, "the training changed the base, or the file is another adapter");
    Ok(())
}

/// The device that the base is made on, and how burn-train uses it and the others.
fn strategy(args: &Args) -> anyhow::Result<(Device, ExecutionStrategy)> {
    let device = ia3::device(args.device.as_deref())?;
    ensure!(args.devices > 0, "`--devices` is 0, expected at least 1");
    if args.devices == 1 {
        return Ok((device.clone(), ExecutionStrategy::single(device)));
    }
    let on_cuda = args.device.as_deref().is_none_or(|name| name == "cuda");
    ensure!(
        on_cuda && ia3::compiled_in().contains(&"cuda"),
        "`--devices {}` needs CUDA: burn 0.22 sums gradients between devices on CUDA alone; build with `--features cuda` \
         and give `--device cuda`, or train with `mpirun -n {} ia3 train`, which runs on any device",
        args.devices,
        args.devices
    );
    let found: Vec<Device> =
        ia3::devices().into_iter().filter(|f| f.backend == "cuda").map(|f| f.device).collect();
    ensure!(
        found.len() >= args.devices,
        "`--devices {}`, but there are {} CUDA devices",
        args.devices,
        found.len()
    );
    let devices = found[..args.devices].to_vec();
    let first = devices.first().cloned().context("no CUDA device")?;
    let config = DistributedConfig { all_reduce_op: ReduceOperation::Mean };
    Ok((first, ExecutionStrategy::ddp(devices, config)))
}

/// A row's class is what its first token leaves when divided by three.
fn rows(count: usize, seed: u64) -> Vec<Row> {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let mut row = || {
        let ids: Vec<i64> = (0..rng.random_range(3..9)).map(|_| rng.random_range(1..16)).collect();
        let class = ids[0] % 3;
        (ids, class)
    };
    (0..count).map(|_| row()).collect()
}

fn loader(rows: Vec<Row>) -> Arc<dyn DataLoader<Batch>> {
    DataLoaderBuilder::new(Padding).batch_size(32).shuffle(3).build(InMemDataset::new(rows))
}

/// The share of rows whose most likely class is theirs.
fn accuracy(model: &Model, batch: &Batch) -> anyhow::Result<f32> {
    let found: Tensor<1, Int> = model.forward(&batch.inputs)?.argmax(2).reshape([-1]);
    Ok(found.equal(batch.classes.clone()).float().mean().into_scalar::<f32>())
}

/// The CPU has one random number generator per process, so the tests that draw from it run one after the other.
#[cfg(test)]
fn turn() -> std::sync::MutexGuard<'static, ()> {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    TURN.lock().unwrap_or_else(|e| e.into_inner())
}

#[test]
fn a_training_by_burn_train_moves_the_adapter_and_leaves_the_base() {
    let _turn = turn();
    run(&Args { device: None, devices: 1, epochs: EPOCHS }).unwrap();
}

#[test]
fn only_the_vectors_and_the_head_have_gradients() {
    use burn::module::{ModuleVisitor, Param};

    /// Parameters with a gradient, and without.
    struct Count<'a>(&'a burn::optim::GradientsParams, usize, usize);
    impl ModuleVisitor for Count<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let found = self.0.get::<D>(param.id).is_some();
            assert_eq!(found, param.is_require_grad());
            *(if found { &mut self.1 } else { &mut self.2 }) += 1;
        }
    }
    let _turn = turn();
    let device = ia3::device(None).unwrap();
    let base = ModelConfig::from_json(BASE).unwrap().init(&device);
    let config = Ia3Config::new().with_task_type(TaskType::SeqCls);
    let adapter = Adapter::init(&base, &config.plan(&base.info()).unwrap());
    let model = Classifier { model: attach(&base, &[&adapter]).unwrap().train() };
    let batch = Padding.batch(rows(8, 1), &model.devices()[0]);
    let grads = TrainStep::step(&model, batch).grads;
    let mut count = Count(&grads, 0, 0);
    model.visit(&mut count);
    // Four layers with a vector in each of two blocks; weight and bias of the head.
    assert_eq!((adapter.vectors.len(), adapter.saved.len()), (8, 2));
    assert_eq!((count.1, grads.len()), (10, 10));
    assert!(count.2 > 30, "the base has {} frozen parameters", count.2);
}

#[test]
fn several_devices_are_refused_where_burn_would_panic() {
    let _turn = turn();
    let args = Args { device: Some("flex".into()), devices: 2, epochs: 1 };
    let error = run(&args).unwrap_err().to_string();
    assert!(error.contains("`--devices 2` needs CUDA") && error.contains("mpirun -n 2"), "{error}");
}
