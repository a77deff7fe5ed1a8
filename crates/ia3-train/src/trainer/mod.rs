mod backward;
mod step;

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::tensor::Device;
use ia3_core::Adapter;
use ia3_models::Model;

use crate::batches::Batches;
use crate::dataset::Dataset;
use crate::error::TrainError;
use crate::multi_task::AdapterTask;
use crate::ranks::{Alone, Communicator};
use crate::state::{self, TrainState};
use crate::train_config::TrainConfig;
use crate::trained::Trained;

pub use step::Steps;

/// A training that the caller runs step by step: of one model, or of the adapters of several tasks at once.
///
/// Everything random depends on the seed and the number of the step alone: the order of the rows, the variants drawn, and
/// dropout. So [`state`](Self::state) consists of the trained values, the state of the optimiser and the number of steps.
/// A trainer that takes it up with [`restore`](Self::restore) continues exactly as this one would; on the CPU, to the bit.
///
/// ```
/// use burn::tensor::Device;
/// use ia3_core::{Adapter, Ia3Config};
/// use ia3_models::ModelConfig;
/// use ia3_train::{AdapterTask, Dataset, Example, TrainConfig, Trainer};
///
/// let config = r#"{"model_type": "t5", "vocab_size": 61, "d_model": 24, "d_kv": 6, "d_ff": 40, "num_layers": 1,
///                  "num_heads": 4}"#;
/// let base = ModelConfig::from_json(config)?.init(&Device::flex());
/// let start = Adapter::init(&base, &Ia3Config::new().plan(&base.info())?);
/// let text = |input: i64, target: i64| Example::new(vec![input, 1], vec![target, 1]);
/// let (first, second) = (Dataset::from(vec![text(17, 42)]), Dataset::from(vec![text(17, 9), text(5, 6)]));
/// let task = |data| AdapterTask { adapter: start.fork(), data };
///
/// let config = TrainConfig::new().with_steps(2);
/// let mut trainer = Trainer::multi_task(&base, &[task(&first), task(&second)], &config)?;
/// for step in trainer.steps() {
///     let step = step?;
///     println!("step {}: losses {:?}", step.step, step.losses);
/// }
/// assert_eq!(trainer.adapters()?.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Trainer<'a> {
    config: &'a TrainConfig,
    device: Device,
    batches: Batches<'a>,
    ranks: &'a dyn Communicator,
    now: Values,
    /// The values before the last step, whose loss was finite.
    before: Option<Values>,
}

/// What a step changes. A clone shares the tensors.
#[derive(Clone)]
struct Values {
    step: usize,
    trained: Trained,
    optimizer: ModuleOptimizer,
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Values").field("step", &self.step).finish_non_exhaustive()
    }
}

impl<'a> Trainer<'a> {
    /// A training of all parameters of `model` that require gradients, before its first step.
    ///
    /// # Errors
    ///
    /// The data is empty, the model cannot be trained on an example, or a setting is out of range.
    pub fn new(model: Model, data: &'a Dataset, config: &'a TrainConfig) -> Result<Self, TrainError> {
        config.check_on(&device_of(&model))?;
        let batches = Batches::single_task(data, &model, config)?;
        Ok(Self::of(Trained::single_task(model), batches, config))
    }

    /// A training of the adapters of several tasks over one `base`, before its first step.
    ///
    /// Each micro-batch has `batch_size` rows of each task. Every row runs under the adapter of its task
    /// ([`attach_rows`](ia3_core::attach_rows)), and its gradient reaches that adapter alone. The batches, losses, clipping,
    /// steps and learning rates of a task are those of [`new`](Self::new) with the same `config` on that task alone. So the
    /// adapters come out the same, except for rounding and for the random numbers of dropout.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), wrapped in [`TrainError::Task`] if the error is about one task. Also [`TrainError::NoTasks`],
    /// [`TrainError::MixedTasks`], [`TrainError::SameAdapter`], and [`TrainError::Adapter`] for an adapter that does not
    /// fit the base.
    pub fn multi_task(
        base: &Model,
        tasks: &[AdapterTask<'a>],
        config: &'a TrainConfig,
    ) -> Result<Self, TrainError> {
        config.check_on(&device_of(base))?;
        let batches = Batches::multi_task(tasks.iter().map(|task| task.data).collect(), base, config)?;
        let adapters = tasks.iter().map(|task| task.adapter.clone()).collect();
        Ok(Self::of(Trained::multi_task(base, adapters)?, batches, config))
    }

    fn of(trained: Trained, batches: Batches<'a>, config: &'a TrainConfig) -> Self {
        let device = device_of(&trained.model);
        let now = Values { step: 0, trained, optimizer: config.optimizer.init() };
        Self { config, device, batches, ranks: &Alone, now, before: None }
    }

    /// The same training, shared among the processes of `ranks`.
    ///
    /// Rank `r` of `n` computes the micro-batches `r`, `r + n`, … of each step, and the gradients are summed over the ranks.
    /// The steps equal those of one process, except for the rounding of that sum.
    ///
    /// Every rank makes its trainer from the same model, data and settings. Restore rank 0's [`state`](Self::state) on all
    /// ranks before the first step, so that values drawn at random are the same.
    ///
    /// # Errors
    ///
    /// [`TrainError::IdleRanks`] if there are more ranks than micro-batches per step.
    pub fn with_ranks(self, ranks: &'a dyn Communicator) -> Result<Self, TrainError> {
        let micro_batches = self.config.gradient_accumulation_steps;
        match ranks.size() {
            size if size > micro_batches => Err(TrainError::IdleRanks { ranks: size, micro_batches }),
            _ => Ok(Self { ranks, ..self }),
        }
    }

    /// The number of steps done.
    pub fn steps_done(&self) -> usize {
        self.now.step
    }

    /// Whether all steps are done.
    pub fn is_done(&self) -> bool {
        self.now.step >= self.config.steps
    }

    /// The number of steps in which every row comes up once, as a fraction if it is not whole. With several tasks, the task
    /// with the most rows counts.
    pub fn steps_per_epoch(&self) -> f64 {
        self.batches.per_epoch() as f64 / self.config.gradient_accumulation_steps as f64
    }

    /// The model with its current values, in training mode.
    ///
    /// With several tasks it is the model of the last batch, whose entries have different adapters. [`Adapter::extract`]
    /// reads an adapter from either.
    pub fn model(&self) -> &Model {
        &self.now.trained.model
    }

    /// As [`model`](Self::model), by value.
    pub fn into_model(self) -> Model {
        self.now.trained.model
    }

    /// The adapters of a [`multi_task`](Self::multi_task) training with their current values, in the order of the tasks.
    /// Empty for any other training.
    ///
    /// # Errors
    ///
    /// [`TrainError::Adapter`] if the model has lost an adapter.
    pub fn adapters(&self) -> Result<Vec<Adapter>, TrainError> {
        self.now.trained.adapters()
    }

    /// What is needed to continue from here. It does not contain the base.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::State`](crate::CheckpointError::State) if burn cannot write the record of the optimiser.
    pub fn state(&self) -> Result<TrainState, TrainError> {
        Ok(state::save(self.now.step, self.model(), &self.now.optimizer)?)
    }

    /// Continues from `state`. Parameters are found by their path, so the model may be a new one of the same structure.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::State`](crate::CheckpointError::State) if the state is of another model or optimiser. Then nothing
    /// has changed.
    pub fn restore(&mut self, state: &TrainState) -> Result<(), TrainError> {
        let (model, optimizer) = state::restore(state, self.model(), self.config.optimizer.init())?;
        let trained = self.now.trained.clone().with_model(model);
        self.now = Values { step: state.step, trained, optimizer };
        self.before = None;
        Ok(())
    }
}

fn device_of(model: &Model) -> Device {
    model.devices().first().cloned().unwrap_or_default()
}
