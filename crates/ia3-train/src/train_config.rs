use burn::config::Config;
use burn::tensor::Device;
use ia3_models::has_checkpoints;

use crate::error::TrainError;
use crate::loss_config::LossConfig;
use crate::optimizer::OptimizerConfig;
use crate::schedule::Schedule;

/// How to train.
///
/// [`new`](Self::new) gives the settings of [`t_few`](Self::t_few); `with_…` changes one of them. As any configuration of
/// burn, it is saved with [`Config::save`] and loaded with [`Config::load`]. A loaded file holds every setting.
///
/// ```
/// use burn::config::Config;
/// use ia3_train::{OptimizerConfig, TrainConfig};
///
/// let config = TrainConfig::new().with_steps(500).with_warmup_ratio(0.06).with_optimizer(OptimizerConfig::adamw());
/// let dir = tempfile::tempdir()?;
/// config.save(dir.path().join("train.json"))?;
/// assert_eq!(TrainConfig::load(dir.path().join("train.json"))?, config);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Config, Debug, PartialEq)]
#[non_exhaustive]
pub struct TrainConfig {
    /// Number of optimiser steps.
    #[config(default = 1000)]
    pub steps: usize,
    /// Examples per micro-batch. A step has `gradient_accumulation_steps` micro-batches.
    #[config(default = 8)]
    pub batch_size: usize,
    /// Micro-batches per step. The loss of a step is the mean of the losses of its micro-batches, and each of those is a
    /// mean over its own micro-batch, as in PyTorch Lightning, which T-Few uses. If texts differ in length, that is not
    /// the loss of one large batch.
    #[config(default = 1)]
    pub gradient_accumulation_steps: usize,
    /// Whether the backward pass computes each block of the model again instead of keeping its activations, which takes less memory
    /// and about half as much time again. No number changes. It needs the backend `flex`.
    #[config(default = false)]
    pub gradient_checkpointing: bool,
    /// The peak learning rate. Vectors need a higher rate than weights do: 3e-3 or more.
    #[config(default = "3e-3")]
    pub learning_rate: f64,
    /// The learning rate over the steps, as a factor on the peak. The number of warm-up steps does not follow `steps`;
    /// see [`with_warmup_ratio`](Self::with_warmup_ratio).
    #[config(default = "Schedule::Linear { warmup: 60 }")]
    pub schedule: Schedule,
    /// The optimiser.
    #[config(default = "OptimizerConfig::Adafactor { scale_parameter: true }")]
    pub optimizer: OptimizerConfig,
    /// Upper bound of the joint norm of all gradients. `None` does not clip.
    #[config(default = "Some(1.0)")]
    pub max_grad_norm: Option<f32>,
    /// Whether the rows are shuffled in each epoch. If not, each epoch has the rows in the order of the data, and its last
    /// batch is smaller if the batch size does not divide their number. To train on a given sequence of batches, list the
    /// rows in that order and switch shuffling off.
    #[config(default = true)]
    pub shuffle: bool,
    /// Number of batches whose examples are sorted by length together, which reduces padding. 1 sorts nothing, and is the
    /// only value allowed without `shuffle`.
    #[config(default = 1)]
    pub bucket: usize,
    /// Seed of the order of the examples and of dropout.
    #[config(default = 42)]
    pub seed: u64,
    /// The loss.
    #[config(default = "LossConfig::new()")]
    pub loss: LossConfig,
}

impl TrainConfig {
    /// Warms up linearly from 0 for the share `ratio` of the steps, then decays linearly to 0. Call it after
    /// [`with_steps`](Self::with_steps).
    pub fn with_warmup_ratio(self, ratio: f64) -> Self {
        let schedule = Schedule::linear(ratio, self.steps);
        self.with_schedule(schedule)
    }

    /// Refuses settings with which no training is possible on this device.
    pub(crate) fn check_on(&self, device: &Device) -> Result<(), TrainError> {
        self.check()?;
        if self.gradient_checkpointing && !has_checkpoints(device) {
            let (name, found) = ("gradient_checkpointing", "true".into());
            let expected = "`false` on this device, because only the backend `flex` computes blocks again; a smaller `batch_size` \
                            with more `gradient_accumulation_steps` takes less memory too";
            return Err(TrainError::Setting { name, found, expected });
        }
        Ok(())
    }

    /// Refuses settings with which no training is possible.
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        let at_least_one = |name, value: usize| match value {
            0 => Err(TrainError::Setting { name, found: "0".into(), expected: "at least 1" }),
            _ => Ok(()),
        };
        at_least_one("steps", self.steps)?;
        at_least_one("batch_size", self.batch_size)?;
        at_least_one("bucket", self.bucket)?;
        at_least_one("gradient_accumulation_steps", self.gradient_accumulation_steps)?;
        if !self.shuffle && self.bucket > 1 {
            let expected = "1 without `shuffle`, because sorting by length would reorder the rows";
            return Err(TrainError::Setting { name: "bucket", found: self.bucket.to_string(), expected });
        }
        let rate = self.learning_rate;
        if rate > 0.0 && rate.is_finite() {
            return self.loss.check();
        }
        let expected = "a positive number";
        Err(TrainError::Setting { name: "learning_rate", found: rate.to_string(), expected })
    }
}

impl Default for TrainConfig {
    /// [`TrainConfig::new`].
    fn default() -> Self {
        Self::new()
    }
}
