use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer};
use burn::tensor::Device;
use ia3_data::Example;
use ia3_models::Model;

use crate::clip::clip_grad_norm;
use crate::dataset::Dataset;
use crate::error::TrainError;
use crate::finite::is_finite;
use crate::kind::check;
use crate::objective::loss;
use crate::order::{Order, Pick};
use crate::ranks::{Alone, Communicator, Share, together};
use crate::state::{TrainState, read_state, restored};
use crate::train::{StepReport, TrainConfig};

/// A training under way, step by step.
///
/// Everything random is a function of the seed and the step: which rows come, which of their variants, what dropout
/// leaves out. So [`state`](Self::state) is the trained values, the optimiser's and the number of steps, and a trainer
/// that takes it up with [`restore`](Self::restore) goes on exactly as this one would: on the CPU, to the bit.
#[derive(Debug)]
pub struct Trainer<'a> {
    config: &'a TrainConfig,
    data: &'a Dataset,
    device: Device,
    order: Order,
    ranks: &'a dyn Communicator,
    now: Values,
    /// Before the last step; its loss was finite.
    before: Option<Values>,
}

/// What a step changes; a clone shares the tensors.
#[derive(Clone)]
struct Values {
    step: usize,
    model: Model,
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
        if let Some(index) = data.rows.iter().position(Vec::is_empty) {
            return Err(TrainError::EmptyRow { index });
        }
        check(data.rows.iter().flatten(), &model)?;
        let device = model.devices().first().cloned().unwrap_or_default();
        let order = Order::of_rows(data.rows.iter().map(Vec::as_slice), config);
        let now = Values { step: 0, model: model.train(), optimizer: config.optimizer.init() };
        Ok(Self { config, data, device, order, ranks: &Alone, now, before: None })
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

    /// Makes the next step.
    ///
    /// # Errors
    ///
    /// [`TrainError::LossNotFinite`] and [`TrainError::GradientNotFinite`]: the trainer is then back at the last step
    /// whose loss was finite, so that a vector which that step has spoilt is not kept. [`TrainError::ParameterNotFinite`]:
    /// the step was not done. An input that the model refuses, and
    /// [`TrainError::OtherRank`] where another rank met that.
    pub fn step(&mut self) -> Result<StepReport, TrainError> {
        let step = self.now.step;
        let micro_batches = self.config.gradient_accumulation_steps;
        self.order.seek(step * micro_batches);
        let picks: Vec<Vec<Pick>> = (0..micro_batches).map(|_| self.order.next_picks()).collect();
        let Share { loss, tokens, grads } = self.share(&picks)?;
        let examples = || picks.iter().flatten().map(|pick| pick.row).collect();
        if !loss.is_finite() {
            self.roll_back();
            return Err(TrainError::LossNotFinite { step: step + 1, loss, examples: examples() });
        }
        let bound = self.config.max_grad_norm;
        let (grads, norm) = clip_grad_norm(grads, &self.now.model, bound.unwrap_or(f32::INFINITY));
        if !norm.is_finite() {
            return Err(TrainError::GradientNotFinite { step: step + 1, norm, examples: examples() });
        }
        let learning_rate = self.config.learning_rate * self.config.schedule.factor(step, self.config.steps);
        let before = self.now.clone();
        self.now.model = self.now.optimizer.step(learning_rate, before.model.clone(), grads);
        if !is_finite(&self.now.model) {
            self.now = before;
            let examples = examples();
            return Err(TrainError::ParameterNotFinite { step: step + 1, learning_rate, examples });
        }
        self.now.step += 1;
        self.before = Some(before);
        Ok(StepReport { step: step + 1, loss, learning_rate, grad_norm: bound.map(|_| norm), tokens })
    }

    fn roll_back(&mut self) {
        if let Some(before) = self.before.take() {
            self.now = before;
        }
    }

    /// The mean loss of the micro-batches, their tokens and the gradients of that mean: those of all ranks.
    fn share(&self, micro_batches: &[Vec<Pick>]) -> Result<Share, TrainError> {
        let own = self.backward(micro_batches);
        if self.ranks.size() == 1 {
            return own;
        }
        let (own, error) = own.map_or_else(|error| (None, Some(error)), |own| (Some(own), None));
        let (sum, failed) = together(own, &self.now.model, self.ranks);
        match error {
            Some(error) => Err(error),
            None if failed > 0 => Err(TrainError::OtherRank { step: self.now.step + 1, failed }),
            None => Ok(sum),
        }
    }

    /// This rank's part of it.
    fn backward(&self, micro_batches: &[Vec<Pick>]) -> Result<Share, TrainError> {
        let Values { step, model, .. } = &self.now;
        let count = micro_batches.len();
        let mut sum = GradientsAccumulator::new();
        let (mut mean, mut tokens) = (0.0, 0);
        let own = micro_batches.iter().enumerate().skip(self.ranks.rank()).step_by(self.ranks.size());
        for (i, picks) in own {
            self.device.seed(dropout_seed(self.config.seed, step * count + i));
            let rows: Vec<&Example> =
                picks.iter().map(|pick| &self.data.rows[pick.row][pick.variant]).collect();
            let of_batch = loss(model, &rows, &self.config.loss)?;
            let total = if count > 1 { of_batch.total / count as f32 } else { of_batch.total };
            let grads = GradientsParams::from_grads(total.backward(), model);
            (mean, tokens) = (mean + total.into_scalar::<f32>(), tokens + of_batch.tokens);
            if count == 1 {
                return Ok(Share { loss: mean, tokens, grads });
            }
            sum.accumulate(model, grads);
        }
        Ok(Share { loss: mean, tokens, grads: sum.grads() })
    }

    /// The number of steps done.
    pub fn steps_done(&self) -> usize {
        self.now.step
    }

    /// Whether all steps are done.
    pub fn is_done(&self) -> bool {
        self.now.step >= self.config.steps
    }

    /// Steps in which every row comes once; a fraction where they do not divide.
    pub fn steps_per_epoch(&self) -> f64 {
        self.order.batches_a_round() as f64 / self.config.gradient_accumulation_steps as f64
    }

    /// The model as it is now, in training mode.
    pub fn model(&self) -> &Model {
        &self.now.model
    }

    /// The model as it is now, in training mode.
    pub fn into_model(self) -> Model {
        self.now.model
    }

    /// What is needed to go on from here: never the base.
    ///
    /// # Errors
    ///
    /// [`TrainError::State`] if burn cannot write the optimiser's record.
    pub fn state(&self) -> Result<TrainState, TrainError> {
        read_state(self.now.step, &self.now.model, &self.now.optimizer)
    }

    /// Goes on from `state` instead. Parameters are found by their path, so the model may have been made anew.
    ///
    /// # Errors
    ///
    /// [`TrainError::State`] for a state of another model or optimiser; then nothing has changed.
    pub fn restore(&mut self, state: &TrainState) -> Result<(), TrainError> {
        let (model, optimizer) = restored(state, &self.now.model, self.config.optimizer.init())?;
        self.now = Values { step: state.step, model, optimizer };
        self.before = None;
        Ok(())
    }
}

/// One number of two, every bit of which depends on both (the finaliser of SplitMix64).
fn dropout_seed(seed: u64, micro_batch: usize) -> u64 {
    let mut z = seed.wrapping_add((micro_batch as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
