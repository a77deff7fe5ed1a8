use std::fmt;

use burn::module::Module;
use ia3_train::{AdapterTask, Dataset, EpochPlan, Schedule, StepReport, TrainConfig, Trainer};

use super::examples::Examples;
use super::trained::{Trained, TrainedAdapters};
use crate::adapter::Adapter;
use crate::error::Error;
use crate::model::Model;

/// The share of the steps over which the learning rate rises, in T-Few's recipe.
const WARMUP: f64 = 0.06;

/// A training that is to be run, made by [`Model::train`] or [`Model::train_adapters`].
///
/// Without further settings it is T-Few's recipe, [`TrainConfig::t_few`].
#[must_use = "nothing is trained before `run`"]
pub struct Train<'a, Data> {
    model: &'a Model,
    data: Data,
    pub(super) config: TrainConfig,
    pub(super) epochs: Option<f64>,
    /// Whether the warm-up follows the number of steps.
    pub(super) default_schedule: bool,
    pub(super) on_step: Box<dyn FnMut(&StepReport) + 'a>,
    pub(super) stop_when: Box<dyn FnMut(&StepReport) -> bool + 'a>,
}

impl Model {
    /// Trains the adapters that this model carries; [`run`](Train::run) starts it and returns a new model.
    ///
    /// ```
    /// # let _folder = ia3_testing::enter_sandbox();
    /// use ia3::{Adapter, Device, Ia3Config, Model};
    ///
    /// let base = Model::from_pretrained("examples/base", &Device::flex())?;
    /// let adapter = Adapter::new(&Ia3Config::new(), &base)?;
    /// let trained = base
    ///     .with_adapter(&adapter)?
    ///     .train([("date: 2009-05-31", "the thirty-first of may two thousand nine")])
    ///     .steps(3)
    ///     .learning_rate(5e-2)
    ///     .on_step(|step| println!("step {}: loss {:.4}", step.step, step.loss))
    ///     .run()?;
    /// trained.model.adapter()?.save("out/adapter")?;
    /// # Ok::<(), ia3::Error>(())
    /// ```
    pub fn train(&self, examples: impl Into<Examples>) -> Train<'_, Examples> {
        Train::new(self, examples.into())
    }

    /// Trains several adapters over this base in one run, each from its own examples; [`run`](Train::run) starts it and
    /// returns the adapters. Every batch has `batch_size` entries of each adapter, see [`Trainer::multi_task`].
    pub fn train_adapters<'a, E: Into<Examples>>(
        &self,
        tasks: impl IntoIterator<Item = (&'a Adapter, E)>,
    ) -> Train<'_, Vec<(Adapter, Examples)>> {
        let task = |(adapter, examples): (&Adapter, E)| (adapter.clone(), examples.into());
        Train::new(self, tasks.into_iter().map(task).collect())
    }
}

impl<'a, Data> Train<'a, Data> {
    fn new(model: &'a Model, data: Data) -> Self {
        Self {
            model,
            data,
            config: TrainConfig::t_few(),
            epochs: None,
            default_schedule: true,
            on_step: Box::new(|_| ()),
            stop_when: Box::new(|_| false),
        }
    }

    /// Fills in the settings that depend on the data.
    fn settle(&mut self, data: &[&Dataset]) -> Result<(), Error> {
        if let Some(epochs) = self.epochs {
            let plan = EpochPlan::multi_task(data, &self.config, self.model.task())?;
            let steps = plan.batches as f64 / self.config.gradient_accumulation_steps as f64;
            self.config.steps = (epochs * steps).ceil() as usize;
        }
        if self.default_schedule {
            self.config.schedule = Schedule::linear(WARMUP, self.config.steps);
        }
        Ok(())
    }
}

impl Train<'_, Examples> {
    /// Trains.
    ///
    /// # Errors
    ///
    /// [`Error::NothingToTrain`] for a model without adapters and [`Error::RowAdapters`] for one whose batch entries have
    /// their own; as [`Model::encode`]; [`Error::Train`] for settings out of range, for examples that the model does not
    /// answer, and for a loss that is not finite.
    pub fn run(mut self) -> Result<Trained, Error> {
        let model = self.model;
        if model.has_rows() {
            return Err(Error::RowAdapters {
                action: "be trained with `train`; use `train_adapters` of the base",
            });
        }
        if model.adapters().is_empty() {
            return Err(Error::NothingToTrain);
        }
        let data = model.encode(self.data.clone())?;
        self.settle(&[&data])?;
        let mut trainer = Trainer::new(model.module().clone(), &data, &self.config)?;
        let report = trainer.run(&mut self.on_step, &mut self.stop_when)?;
        Ok(Trained { model: model.with_module(trainer.into_model().valid())?, report })
    }
}

impl Train<'_, Vec<(Adapter, Examples)>> {
    /// Trains.
    ///
    /// # Errors
    ///
    /// As [`Model::encode`] and [`Trainer::multi_task`].
    pub fn run(mut self) -> Result<TrainedAdapters, Error> {
        let encode = |(_, examples): &(Adapter, Examples)| self.model.encode(examples.clone());
        let data = self.data.iter().map(encode).collect::<Result<Vec<Dataset>, Error>>()?;
        self.settle(&data.iter().collect::<Vec<_>>())?;
        let tasks = self.data.iter().zip(&data);
        let tasks = tasks.map(|((adapter, _), data)| AdapterTask { adapter: adapter.clone().into(), data });
        let tasks: Vec<AdapterTask> = tasks.collect();
        let mut trainer = Trainer::multi_task(self.model.module(), &tasks, &self.config)?;
        let report = trainer.run(&mut self.on_step, &mut self.stop_when)?;
        let trained = trainer.adapters()?.into_iter().zip(&self.data);
        let adapters = trained.map(|(values, (adapter, _))| adapter.with_values(values)).collect();
        Ok(TrainedAdapters { adapters, report })
    }
}

impl<Data: fmt::Debug> fmt::Debug for Train<'_, Data> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { data, config, epochs, .. } = self;
        let mut fields = f.debug_struct("Train");
        fields.field("data", data).field("config", config).field("epochs", epochs).finish_non_exhaustive()
    }
}
