//! Many adapters in one run: every step has rows of each task, under its own adapter.

use std::ops::ControlFlow;

use ia3_core::Adapter;
use ia3_models::Model;

use crate::dataset::Dataset;
use crate::error::TrainError;
use crate::train::{StepReport, TrainConfig, all_steps};
use crate::trainer::Trainer;

/// An adapter and what it is to learn from.
#[derive(Clone, Debug)]
pub struct AdapterTask<'a> {
    /// The adapter to start with; it fits the base.
    pub adapter: Adapter,
    /// Its rows, of examples with [`Dataset::from`]; the targets of all tasks are of one kind.
    pub data: &'a Dataset,
}

/// Trains the adapter of each task in one run over one `base`, as [`Trainer::many`] does.
///
/// Returns the trained adapters, in the order of the tasks. `on_step` may end the training early.
///
/// # Errors
///
/// As [`Trainer::many`] and [`Trainer::step`].
///
/// ```
/// use std::ops::ControlFlow;
///
/// use burn::tensor::Device;
/// use ia3_core::{Adapter, Ia3Config, PlanOptions};
/// use ia3_models::ModelConfig;
/// use ia3_train::{AdapterTask, Dataset, Example, Schedule, TrainConfig, train_many};
///
/// let config = r#"{"model_type": "t5", "vocab_size": 61, "d_model": 24, "d_kv": 6, "d_ff": 40, "num_layers": 1,
///                  "num_heads": 4}"#;
/// let base = ModelConfig::from_json(config)?.init(&Device::flex());
/// let start = Adapter::init(&base, &Ia3Config::new().plan(&base.info(), PlanOptions::default())?);
/// let text = |input: i64, target: i64| Example { input: vec![input, 1], target: vec![target, 1].into() };
/// let (first, second) = (Dataset::from(vec![text(17, 42)]), Dataset::from(vec![text(17, 9), text(5, 6)]));
/// let task = |data| AdapterTask { adapter: start.fork(), data };
///
/// let config = TrainConfig { steps: 2, schedule: Schedule::Constant, ..TrainConfig::t_few() };
/// let adapters = train_many(&base, &[task(&first), task(&second)], &config, &mut |step| {
///     println!("step {}: losses {:?}", step.step, step.losses);
///     ControlFlow::Continue(())
/// })?;
/// assert_eq!(adapters.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn train_many(
    base: &Model,
    tasks: &[AdapterTask],
    config: &TrainConfig,
    on_step: &mut dyn FnMut(&StepReport) -> ControlFlow<()>,
) -> Result<Vec<Adapter>, TrainError> {
    let mut trainer = Trainer::many(base, tasks, config)?;
    all_steps(&mut trainer, on_step)?;
    trainer.adapters()
}
