mod backward;
mod step;

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::tensor::Device;
use ia3_core::Adapter;
use ia3_models::Model;

use crate::dataset::Dataset;
use crate::error::TrainError;
use crate::feed::Feed;
use crate::learner::Learner;
use crate::many::AdapterTask;
use crate::ranks::{Alone, Communicator};
use crate::state::{TrainState, read_state, restored};
use crate::train::TrainConfig;

/// A training under way, step by step: of a model, or of many adapters at once.
///
/// Everything random is a function of the seed and the step: which rows come, which of their variants, what dropout
/// leaves out. So [`state`](Self::state) is the trained values, the optimiser's and the number of steps, and a trainer
/// that takes it up with [`restore`](Self::restore) goes on exactly as this one would: on the CPU, to the bit.
#[derive(Debug)]
pub struct Trainer<'a> {
    config: &'a TrainConfig,
    device: Device,
    feed: Feed<'a>,
    ranks: &'a dyn Communicator,
    now: Values,
    /// Before the last step; its loss was finite.
    before: Option<Values>,
}

/// What a step changes; a clone shares the tensors.
#[derive(Clone)]
struct Values {
    step: usize,
    learner: Learner,
    optimizer: ModuleOptimizer,
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Values").field("step", &self.step).finish_non_exhaustive()
    }
}

impl<'a> Trainer<'a> {
    /// A training of whatever requires gradients in `model`, before its first step.
    ///
    /// # Errors
    ///
    /// Empty data, examples that the model does not answer, impossible settings.
    pub fn new(model: Model, data: &'a Dataset, config: &'a TrainConfig) -> Result<Self, TrainError> {
        config.check()?;
        let feed = Feed::one(data, &model, config)?;
        Ok(Self::of(Learner::one(model), feed, config))
    }

    /// A training of the adapter of each task over one `base`, before its first step.
    ///
    /// Every micro-batch has `batch_size` rows of each task, each under its own adapter
    /// ([`attach_rows`](ia3_core::attach_rows)), and a row's gradient reaches that adapter alone. Batches, losses,
    /// clipping, steps and rates of a task are those of [`new`](Self::new) with the same `config` on it alone, so the
    /// adapters come out the same but for rounding; dropout draws differently.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), as [`TrainError::Task`] where it is about one of them; [`TrainError::NoExamples`] without a
    /// task, [`TrainError::MixedTasks`], [`TrainError::SameAdapter`], and [`TrainError::Adapter`] for an adapter that does
    /// not fit the base.
    pub fn many(
        base: &Model,
        tasks: &[AdapterTask<'a>],
        config: &'a TrainConfig,
    ) -> Result<Self, TrainError> {
        config.check()?;
        let feed = Feed::many(tasks.iter().map(|task| task.data).collect(), base, config)?;
        let learner = Learner::many(base, tasks.iter().map(|task| task.adapter.clone()).collect())?;
        Ok(Self::of(learner, feed, config))
    }

    fn of(learner: Learner, feed: Feed<'a>, config: &'a TrainConfig) -> Self {
        let device = learner.model.devices().first().cloned().unwrap_or_default();
        let now = Values { step: 0, learner, optimizer: config.optimizer.init() };
        Self { config, device, feed, ranks: &Alone, now, before: None }
    }

    /// The same training by all processes of `ranks`: rank `r` of `n` does the micro-batches `r`, `r + n`, … of each step,
    /// and the gradients are summed. The steps are those of one process but for the rounding of that sum.
    ///
    /// Every rank makes its trainer of the same model, data and settings; give all of them rank 0's
    /// [`state`](Self::state) before the first step, so that what was drawn at random is the same.
    ///
    /// # Errors
    ///
    /// [`TrainError::IdleRanks`].
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

    /// Steps in which every row comes once, of several tasks those of the task with the most rows; a fraction where they do
    /// not divide.
    pub fn steps_per_epoch(&self) -> f64 {
        self.feed.batches_a_round() as f64 / self.config.gradient_accumulation_steps as f64
    }

    /// The model as it is now, in training mode; of many adapters, that of the last batch, whose rows have their own.
    /// [`Adapter::extract`] reads an adapter back from either.
    pub fn model(&self) -> &Model {
        &self.now.learner.model
    }

    /// As [`model`](Self::model).
    pub fn into_model(self) -> Model {
        self.now.learner.model
    }

    /// The adapters of a training of [`many`](Self::many) as they are now, in the order of the tasks; none of any other.
    ///
    /// # Errors
    ///
    /// [`TrainError::Adapter`] if the model has lost one.
    pub fn adapters(&self) -> Result<Vec<Adapter>, TrainError> {
        self.now.learner.adapters()
    }

    /// What is needed to go on from here: never the base.
    ///
    /// # Errors
    ///
    /// [`TrainError::State`] if burn cannot write the optimiser's record.
    pub fn state(&self) -> Result<TrainState, TrainError> {
        read_state(self.now.step, self.model(), &self.now.optimizer)
    }

    /// Goes on from `state` instead. Parameters are found by their path, so the model may have been made anew.
    ///
    /// # Errors
    ///
    /// [`TrainError::State`] for a state of another model or optimiser; then nothing has changed.
    pub fn restore(&mut self, state: &TrainState) -> Result<(), TrainError> {
        let (model, optimizer) = restored(state, self.model(), self.config.optimizer.init())?;
        let learner = self.now.learner.clone().with(model);
        self.now = Values { step: state.step, learner, optimizer };
        self.before = None;
        Ok(())
    }
}
