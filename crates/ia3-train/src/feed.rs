use ia3_data::{Example, Target};
use ia3_models::Model;

use crate::dataset::Dataset;
use crate::error::TrainError;
use crate::kind::check;
use crate::objective::LossConfig;
use crate::order::{Order, Pick};
use crate::train::TrainConfig;

/// The rows of each task, a batch of each at a time.
#[derive(Debug)]
pub(crate) struct Feed<'a> {
    data: Vec<&'a Dataset>,
    orders: Vec<Order>,
}

/// The rows of each task.
pub(crate) type Batch = Vec<Vec<Pick>>;

impl<'a> Feed<'a> {
    /// One group of rows.
    pub(crate) fn one(data: &'a Dataset, model: &Model, config: &TrainConfig) -> Result<Self, TrainError> {
        data.check()?;
        check(data.rows.iter().flatten(), model)?;
        Ok(Self::new(vec![data], config))
    }

    /// One a task; errors are those of a task.
    pub(crate) fn many(
        data: Vec<&'a Dataset>,
        model: &Model,
        config: &TrainConfig,
    ) -> Result<Self, TrainError> {
        let mut first = None;
        for (task, data) in data.iter().enumerate() {
            let kind = data.check().and_then(|()| check(data.rows.iter().flatten(), model));
            let kind = kind.map_err(|error| error.of_task(task))?;
            let first = *first.get_or_insert(kind);
            if kind != first {
                let (found, first) = (kind.name(), first.name());
                return Err(TrainError::MixedTasks { found, first }.of_task(task));
            }
        }
        Ok(Self::new(data, config))
    }

    /// Of rows that are known to have examples.
    pub(crate) fn new(data: Vec<&'a Dataset>, config: &TrainConfig) -> Self {
        let orders = data.iter().map(|data| Order::new(data.rows.iter().map(Vec::as_slice), config));
        Self { orders: orders.collect(), data }
    }

    /// `count` batches from the batch `index` on, counted from 0 over all rounds.
    pub(crate) fn batches(&mut self, index: usize, count: usize) -> Vec<Batch> {
        self.orders.iter_mut().for_each(|order| order.seek(index));
        (0..count).map(|_| self.orders.iter_mut().map(Order::next_picks).collect()).collect()
    }

    /// Batches in which every row of every task comes at least once.
    pub(crate) fn batches_a_round(&self) -> usize {
        self.orders.iter().map(Order::batches_a_round).max().unwrap_or(0)
    }

    /// The examples of a batch, by task.
    pub(crate) fn examples(&self, batch: &Batch) -> Vec<Vec<&'a Example>> {
        let of_task = |(data, picks): (&&'a Dataset, &Vec<Pick>)| {
            picks.iter().map(|pick| &data.rows[pick.row][pick.variant]).collect()
        };
        self.data.iter().zip(batch).map(of_task).collect()
    }
}

/// Rows of a batch that examples take: one each, or one for each choice where choices are compared.
pub(crate) fn rows(examples: &[&Example], config: &LossConfig) -> usize {
    let rows = |example: &&Example| match &example.target {
        Target::Choices { choices, .. } if config.compares() => choices.len(),
        _ => 1,
    };
    examples.iter().map(rows).sum()
}
