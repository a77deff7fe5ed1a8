use std::fmt;

use ia3_data::Example;
use ia3_models::Model;

use crate::dataset::Dataset;
use crate::error::TrainError;
use crate::ranks::{Alone, Communicator};
use crate::train_config::TrainConfig;
use crate::train_report::{StepReport, TrainReport};
use crate::trainer::Trainer;

/// A training from the first step to the last: builder of one call of [`run`](Self::run).
///
/// It trains every parameter of the model that requires gradients; on an adapted model those are the vectors (and the
/// modules to save). To save states and resume, or to train the adapters of several tasks at once, make the steps yourself
/// with [`Trainer`].
///
/// ```
/// use burn::tensor::Device;
/// use ia3_models::ModelConfig;
/// use ia3_train::{Example, TrainConfig, Training};
///
/// let config = r#"{"model_type": "t5", "vocab_size": 12, "d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2}"#;
/// let model = ModelConfig::from_json(config)?.init(&Device::flex());
/// let examples = [Example::new(vec![2, 1], vec![3, 1])];
///
/// let (model, report) = Training::new(model, TrainConfig::new().with_steps(3))
///     .with_progress(|step| println!("step {}: loss {:.4}", step.step, step.loss))
///     .run(&examples[..])?;
/// assert_eq!(report.losses.len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Training<'a> {
    model: Model,
    config: TrainConfig,
    ranks: &'a dyn Communicator,
    progress: Box<dyn FnMut(&StepReport) + 'a>,
    stop: Box<dyn FnMut(&StepReport) -> bool + 'a>,
}

impl<'a> Training<'a> {
    /// A training of `model`, which reports nothing and runs to its last step.
    pub fn new(model: Model, config: TrainConfig) -> Self {
        Self { model, config, ranks: &Alone, progress: Box::new(|_| ()), stop: Box::new(|_| false) }
    }

    /// Calls `progress` after each step.
    pub fn with_progress(self, progress: impl FnMut(&StepReport) + 'a) -> Self {
        Self { progress: Box::new(progress), ..self }
    }

    /// Ends the training after the first step for which `stop` is true.
    pub fn with_stop(self, stop: impl FnMut(&StepReport) -> bool + 'a) -> Self {
        Self { stop: Box::new(stop), ..self }
    }

    /// Shares each step among the processes of `ranks`, as [`Trainer::with_ranks`] does.
    pub fn with_ranks(self, ranks: &'a dyn Communicator) -> Self {
        Self { ranks, ..self }
    }

    /// Trains on `data`: examples, or a [`Dataset`] of rows with several variants.
    ///
    /// Returns the model in training mode, and what each step did. Call [`valid`](burn::module::Module::valid) on the model
    /// before inference, or [`extract`](ia3_core::Adapter::extract) the adapter from it.
    ///
    /// # Errors
    ///
    /// As [`Trainer::new`], [`Trainer::with_ranks`] and [`Trainer::step`].
    pub fn run(self, data: impl Into<Dataset>) -> Result<(Model, TrainReport), TrainError> {
        let data = data.into();
        let mut trainer = Trainer::new(self.model, &data, &self.config)?.with_ranks(self.ranks)?;
        let report = trainer.run(self.progress, self.stop)?;
        Ok((trainer.into_model(), report))
    }
}

impl fmt::Debug for Training<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Training").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Trains `model` on `examples`: [`Training`] without progress.
///
/// # Errors
///
/// The errors are those of [`Training::run`].
pub fn train(
    model: Model,
    examples: &[Example],
    config: &TrainConfig,
) -> Result<(Model, TrainReport), TrainError> {
    Training::new(model, config.clone()).run(examples)
}
