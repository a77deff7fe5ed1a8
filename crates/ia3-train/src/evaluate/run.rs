use burn::tensor::Device;
use ia3_data::Example;
use ia3_models::Model;

use crate::error::TrainError;
use crate::loss_config::LossConfig;
use crate::ranks::{Communicator, Message, gather};

/// An evaluation that is being run.
pub(super) struct Run<'a> {
    /// The model without dropout.
    pub(super) model: Model,
    pub(super) device: Device,
    pub(super) examples: &'a [Example],
    /// Positions of the examples of each batch.
    pub(super) batches: Vec<Vec<usize>>,
    /// The maximum number of entries of a batch.
    pub(super) entries: usize,
    pub(super) loss: &'a LossConfig,
    /// The names of the classes of tokens.
    pub(super) label_names: &'a [String],
    /// Whether a question may have no answer.
    pub(super) unanswerable: bool,
}

impl Run<'_> {
    /// The result of `evaluate` for every batch. This rank computes its share of them, and passes each to `on_batch` with the
    /// positions of its examples.
    pub(super) fn by_ranks<T: Message>(
        &self,
        ranks: &dyn Communicator,
        evaluate: impl Fn(&Self, &[&Example]) -> Result<T, TrainError>,
        mut on_batch: impl FnMut(&[usize], &T),
    ) -> Result<Vec<T>, TrainError> {
        let own = self.batches.iter().skip(ranks.rank()).step_by(ranks.size());
        let evaluate =
            |rows: &Vec<usize>| evaluate(self, &self.rows(rows)).inspect(|batch| on_batch(rows, batch));
        let own: Result<Vec<T>, TrainError> = own.map(evaluate).collect();
        if ranks.size() == 1 {
            return own;
        }
        let (own, error) = own.map_or_else(|error| (None, Some(error)), |own| (Some(own), None));
        let all = gather(own, self.batches.len(), ranks);
        match error {
            Some(error) => Err(error),
            None => all?.map_err(|failed| TrainError::OtherRankEvaluation { failed }),
        }
    }

    /// The same evaluation of one batch alone, whose examples are `examples`.
    pub(super) fn of_batch<'b>(&'b self, examples: &'b [Example]) -> Run<'b> {
        let batches = vec![(0..examples.len()).collect()];
        Run {
            model: self.model.clone(),
            device: self.device.clone(),
            examples,
            batches,
            entries: self.entries,
            loss: self.loss,
            label_names: self.label_names,
            unanswerable: self.unanswerable,
        }
    }

    fn rows(&self, batch: &[usize]) -> Vec<&Example> {
        batch.iter().map(|&i| &self.examples[i]).collect()
    }

    /// `hits` as a share of all examples.
    pub(super) fn share(&self, hits: usize) -> f64 {
        hits as f64 / self.examples.len() as f64
    }
}
