use ia3_data::{Example, Target};
use ia3_models::Model;

use crate::dataset::Dataset;
use crate::epoch_order::{EpochOrder, Pick};
use crate::error::{ExampleError, TrainError};
use crate::loss_config::LossConfig;
use crate::target_kind::{TargetKind, check};
use crate::train_config::TrainConfig;

/// The batches of a training: the rows of each task, in the order of the epochs.
#[derive(Debug)]
pub(crate) struct Batches<'a> {
    data: Vec<&'a Dataset>,
    orders: Vec<EpochOrder>,
}

/// The rows of one batch, by task.
pub(crate) type Batch = Vec<Vec<Pick>>;

impl<'a> Batches<'a> {
    /// Batches of one data set.
    pub(crate) fn single_task(
        data: &'a Dataset,
        model: &Model,
        config: &TrainConfig,
    ) -> Result<Self, TrainError> {
        target_kind(data, model)?;
        Ok(Self::new(vec![data], config))
    }

    /// Batches with rows of each task. An error about the data of a task names the task.
    pub(crate) fn multi_task(
        data: Vec<&'a Dataset>,
        model: &Model,
        config: &TrainConfig,
    ) -> Result<Self, TrainError> {
        let mut first = None;
        for (task, data) in data.iter().enumerate() {
            let kind = target_kind(data, model).map_err(|error| TrainError::from(error).of_task(task))?;
            let first = *first.get_or_insert(kind);
            if kind != first {
                let (found, first) = (kind.name(), first.name());
                return Err(TrainError::MixedTasks { found, first }.of_task(task));
            }
        }
        Ok(Self::new(data, config))
    }

    /// Batches of data that has been checked.
    pub(crate) fn new(data: Vec<&'a Dataset>, config: &TrainConfig) -> Self {
        let order = |data: &&Dataset| EpochOrder::new(data.rows.iter().map(Vec::as_slice), config);
        Self { orders: data.iter().map(order).collect(), data }
    }

    /// `count` batches, starting with the batch `index`, counted from 0 over all epochs.
    pub(crate) fn take(&mut self, index: usize, count: usize) -> Vec<Batch> {
        self.orders.iter_mut().for_each(|order| order.seek(index));
        (0..count).map(|_| self.orders.iter_mut().map(EpochOrder::next_picks).collect()).collect()
    }

    /// Number of batches after which every row of every task has come up at least once.
    pub(crate) fn per_epoch(&self) -> usize {
        self.orders.iter().map(EpochOrder::batches_per_epoch).max().unwrap_or(0)
    }

    /// The examples of a batch, by task.
    pub(crate) fn examples(&self, batch: &Batch) -> Vec<Vec<&'a Example>> {
        let of_task = |(data, picks): (&&'a Dataset, &Vec<Pick>)| {
            picks.iter().map(|pick| &data.rows[pick.row][pick.variant]).collect()
        };
        self.data.iter().zip(batch).map(of_task).collect()
    }
}

fn target_kind(data: &Dataset, model: &Model) -> Result<TargetKind, ExampleError> {
    data.check()?;
    check(data.rows.iter().flatten(), model)
}

/// Number of batch entries that examples take: one each, or one per choice if choices are compared.
pub(crate) fn batch_entries(examples: &[&Example], config: &LossConfig) -> usize {
    let entries = |example: &&Example| match &example.target {
        Target::Choices { choices, .. } if config.compares() => choices.len(),
        Target::Pairs { pairs, .. } => pairs.len(),
        _ => 1,
    };
    examples.iter().map(entries).sum()
}
